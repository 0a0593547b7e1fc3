import { verify, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'

const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }

/** A subscriber: keeps what it got and confirms by visiting the link. */
class Subscriber {
  readonly posts: { headers: IncomingHttpHeaders; body: string }[] = []
  readonly server: Server
  status = 200

  constructor() {
    this.server = createServer(async (request, response) => {
      let body = ''
      for await (const piece of request) body += piece
      if (request.headers['x-amz-sns-message-type'] === 'SubscriptionConfirmation') {
        const { SubscribeURL } = JSON.parse(body)
        expect((await fetch(SubscribeURL)).status).toBe(200)
      } else this.posts.push({ headers: request.headers, body })
      response.writeHead(this.status).end()
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/alerts`
  }

  bodies(): { Message: string; MessageId: string }[] {
    return this.posts.map(({ body }) => JSON.parse(body))
  }
}

let directory: string
let endpoint: Endpoint
let client: SNSClient
let subscriber: Subscriber

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-sns-'))
  subscriber = new Subscriber()
  await start()
})

afterEach(async () => {
  client.destroy()
  await endpoint.close()
  subscriber.server.closeAllConnections()
  subscriber.server.close()
  await rm(directory, { recursive: true })
})

async function start(): Promise<void> {
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  const { url, credentials } = endpoint
  client = new SNSClient({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
}

async function topicWithSubscriber(name = 'alerts', attributes: Record<string, string> = {}, raw = false) {
  const { TopicArn } = await client.send(new CreateTopicCommand({ Name: name, Attributes: attributes }))
  const { SubscriptionArn } = await client.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: 'http',
      Endpoint: await subscriber.listen(),
      ReturnSubscriptionArn: true,
      Attributes: { RawMessageDelivery: String(raw) },
    }),
  )
  await vi.waitFor(async () => {
    const { Attributes } = await client.send(new GetTopicAttributesCommand({ TopicArn }))
    expect(Attributes!['SubscriptionsConfirmed']).toBe('1')
  })
  return { TopicArn: TopicArn!, SubscriptionArn: SubscriptionArn! }
}

test('a confirmed subscriber gets a published message, signed by a certificate it can fetch', async () => {
  const { TopicArn, SubscriptionArn } = await topicWithSubscriber()
  const { MessageId } = await client.send(
    new PublishCommand({
      TopicArn,
      Message: 'Überfall & <Betrug>',
      MessageAttributes: { id: { DataType: 'String', StringValue: 'a-1' } },
    }),
  )
  await vi.waitFor(() => expect(subscriber.posts).toHaveLength(1))
  const { headers, body } = subscriber.posts[0]!
  expect(headers).toMatchObject({
    'x-amz-sns-message-type': 'Notification',
    'x-amz-sns-message-id': MessageId,
    'x-amz-sns-topic-arn': TopicArn,
    'x-amz-sns-subscription-arn': SubscriptionArn,
  })
  const document = JSON.parse(body)
  expect(document).toMatchObject({
    Type: 'Notification',
    MessageId,
    TopicArn,
    Message: 'Überfall & <Betrug>',
    SignatureVersion: '2',
    MessageAttributes: { id: { Type: 'String', Value: 'a-1' } },
  })
  const certificate = new X509Certificate(await (await fetch(document.SigningCertURL)).text())
  const text = ['Message', 'MessageId', 'Timestamp', 'TopicArn', 'Type'].map((name) => `${name}\n${document[name]}\n`)
  const signature = Buffer.from(document.Signature, 'base64')
  expect(verify('sha256', Buffer.from(text.join('')), certificate.publicKey, signature)).toBe(true)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
})

test('raw delivery posts the message alone', async () => {
  const { TopicArn } = await topicWithSubscriber('raw', {}, true)
  await client.send(new PublishCommand({ TopicArn, Message: '{"id":1}' }))
  await vi.waitFor(() => expect(subscriber.posts).toHaveLength(1))
  expect(subscriber.posts[0]).toMatchObject({ headers: { 'x-amz-sns-rawdelivery': 'true' }, body: '{"id":1}' })
})

test('a batch is delivered whole, with an answer per entry', async () => {
  const { TopicArn } = await topicWithSubscriber()
  const entries = Array.from({ length: 10 }, (_, i) => ({ Id: `e${i}`, Message: i === 3 ? '' : `m${i}` }))
  const { Successful, Failed } = await client.send(
    new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries }),
  )
  expect(Successful!.map(({ Id }) => Id)).toEqual(['e0', 'e1', 'e2', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9'])
  expect(Failed).toMatchObject([{ Id: 'e3', Code: 'InvalidParameter', SenderFault: true }])
  await vi.waitFor(() => expect(subscriber.posts).toHaveLength(9))
  expect(
    subscriber
      .bodies()
      .map(({ Message }) => Message)
      .sort(),
  ).toEqual(Successful!.map(({ Id }) => `m${Id![1]}`))
})

test('a FIFO topic keeps the order of a group and takes an id once', async () => {
  const { TopicArn } = await topicWithSubscriber('orders.fifo', { FifoTopic: 'true' })
  const publish = (id: string) =>
    client.send(new PublishCommand({ TopicArn, Message: id, MessageGroupId: 'card', MessageDeduplicationId: id }))
  const first = await publish('m0')
  for (let i = 1; i < 20; i++) await publish(`m${i}`)
  const again = await publish('m0')
  expect(again).toMatchObject({ MessageId: first.MessageId, SequenceNumber: first.SequenceNumber })
  await vi.waitFor(() => expect(subscriber.posts).toHaveLength(20))
  expect(subscriber.bodies().map(({ Message }) => Message)).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`))
})

test('messages that were not delivered go out after a restart, and FIFO ids still count', async () => {
  const { TopicArn } = await topicWithSubscriber('orders.fifo', { FifoTopic: 'true' })
  subscriber.status = 500
  const command = new PublishCommand({ TopicArn, Message: 'm', MessageGroupId: 'g', MessageDeduplicationId: 'd' })
  const first = await client.send(command)
  await vi.waitFor(() => expect(subscriber.posts.length).toBeGreaterThan(0))
  await endpoint.close()
  client.destroy()
  subscriber.posts.length = 0
  subscriber.status = 200
  await start()
  await vi.waitFor(() => expect(subscriber.bodies().map(({ MessageId }) => MessageId)).toEqual([first.MessageId]))
  expect(await client.send(command)).toMatchObject({ MessageId: first.MessageId, SequenceNumber: first.SequenceNumber })
  await endpoint.close()
  client.destroy()
  subscriber.posts.length = 0
  await start()
  const other = await client.send(
    new PublishCommand({ TopicArn, Message: 'n', MessageGroupId: 'g', MessageDeduplicationId: 'e' }),
  )
  await vi.waitFor(() => expect(subscriber.bodies().map(({ MessageId }) => MessageId)).toEqual([other.MessageId]))
})

test('topics and subscriptions are listed, and go', async () => {
  const { TopicArn, SubscriptionArn } = await topicWithSubscriber()
  expect((await client.send(new CreateTopicCommand({ Name: 'alerts' }))).TopicArn).toBe(TopicArn)
  expect((await client.send(new ListTopicsCommand({}))).Topics).toEqual([{ TopicArn }])
  const listed = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn }))
  expect(listed.Subscriptions).toMatchObject([{ SubscriptionArn, Protocol: 'http', TopicArn }])
  const { Attributes } = await client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }))
  expect(Attributes).toMatchObject({ RawMessageDelivery: 'false', PendingConfirmation: 'false' })
  await client.send(new UnsubscribeCommand({ SubscriptionArn }))
  expect((await client.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions).toEqual([])
  await client.send(new DeleteTopicCommand({ TopicArn }))
  await expect(client.send(new PublishCommand({ TopicArn, Message: 'm' }))).rejects.toMatchObject({
    name: 'NotFoundException',
    $metadata: { httpStatusCode: 404 },
  })
})

describe('what breaks a rule is refused:', () => {
  const entry = (Id: string, bytes = 1) => ({ Id, Message: 'm'.repeat(bytes) })
  test.each([
    { it: 'no entry', entries: [], code: 'EmptyBatchRequest' },
    {
      it: 'eleven entries',
      entries: Array.from({ length: 11 }, (_, i) => entry(`e${i}`)),
      code: 'TooManyEntriesInBatchRequest',
    },
    { it: 'an id twice', entries: [entry('a'), entry('a')], code: 'BatchEntryIdsNotDistinct' },
    { it: 'a wrong id', entries: [entry('a b')], code: 'InvalidBatchEntryId' },
    {
      it: 'a sum of 256 KiB and one byte',
      entries: [entry('a', 131_072), entry('b', 131_073)],
      code: 'BatchRequestTooLong',
    },
  ])('a batch with $it', async ({ entries, code }) => {
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: 't' }))
    const send = client.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries }))
    await expect(send).rejects.toMatchObject({
      name: expect.stringContaining(code),
      $metadata: { httpStatusCode: 400 },
    })
  })

  test.each([
    { it: 'an empty message', topic: 't', input: { Message: '' } },
    { it: 'a message of 256 KiB and one byte', topic: 't', input: { Message: 'm'.repeat(262_145) } },
    { it: 'json without default', topic: 't', input: { Message: '{"http":"m"}', MessageStructure: 'json' } },
    { it: 'a deduplication id on a standard topic', topic: 't', input: { Message: 'm', MessageDeduplicationId: 'd' } },
    { it: 'a FIFO message without group', topic: 't.fifo', input: { Message: 'm', MessageDeduplicationId: 'd' } },
    { it: 'a FIFO message without deduplication id', topic: 't.fifo', input: { Message: 'm', MessageGroupId: 'g' } },
  ])('$it', async ({ topic, input }) => {
    const Attributes = topic.endsWith('.fifo') ? { FifoTopic: 'true' } : undefined
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: topic, Attributes }))
    await expect(client.send(new PublishCommand({ TopicArn, ...input }))).rejects.toMatchObject({
      name: expect.stringContaining('InvalidParameter'),
    })
  })

  test('a protocol that has no delivery here, and a wrong key', async () => {
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: 't' }))
    await expect(
      client.send(new SubscribeCommand({ TopicArn, Protocol: 'sms', Endpoint: '+1' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' })
    const credentials = { accessKeyId: 'AKIDWRONG', secretAccessKey: 'x' }
    const stranger = new SNSClient({ endpoint: endpoint.url, credentials, region: 'us-east-1', maxAttempts: 1 })
    await expect(stranger.send(new ListTopicsCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
      $metadata: { httpStatusCode: 403 },
    })
    stranger.destroy()
  })
})
