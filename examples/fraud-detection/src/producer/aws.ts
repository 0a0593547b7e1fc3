import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { ConfirmSubscriptionCommand, SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { GeneratedRecord } from '../generator.ts'
import type { PutResult } from './put-pipeline.ts'

/** Where the AWS APIs are; what is left out comes from the SDK's standard environment and files. */
export interface AwsAddress {
  readonly endpoint?: string
  readonly region?: string
}

/** How Kinesis is spoken to: `http1.1` for endpoints whose HTTP/2 is incomplete. */
export type HttpProtocol = 'http1.1' | 'http2'

const fatalErrors = new Set([
  'AccessDeniedException',
  'CredentialsProviderError',
  'IncompleteSignature',
  'InvalidArgumentException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'ResourceNotFoundException',
  'SerializationException',
  'UnrecognizedClientException',
  'ValidationException',
])

/** Whether putting again is useless: the stream is missing, the request or the credentials are wrong. */
export function isFatal(error: unknown): boolean {
  return error instanceof Error && fatalErrors.has(error.name)
}

/** Puts records to a stream. Every call is one try: repeating is the caller's. */
export class StreamClient {
  readonly #client: KinesisClient
  readonly #stream: string

  constructor(stream: string, address: AwsAddress, protocol: HttpProtocol = 'http2') {
    this.#stream = stream
    this.#client = new KinesisClient({
      ...address,
      maxAttempts: 1,
      requestHandler:
        protocol === 'http1.1'
          ? new NodeHttpHandler({ requestTimeout: 10_000, throwOnRequestTimeout: true })
          : // The client's own default opens a connection for every call.
            { requestTimeout: 10_000, disableConcurrentStreams: false },
    })
  }

  async put(records: readonly GeneratedRecord[]): Promise<readonly PutResult[]> {
    const answer = await this.#client.send(
      new PutRecordsCommand({
        StreamName: this.#stream,
        Records: records.map(({ data, partitionKey }) => ({ Data: Buffer.from(data), PartitionKey: partitionKey })),
      }),
    )
    return (answer.Records ?? []).map(({ ShardId, SequenceNumber, ErrorCode }) => ({
      shard: ShardId,
      sequenceNumber: SequenceNumber,
      errorCode: ErrorCode,
    }))
  }

  close(): void {
    this.#client.destroy()
  }
}

/** A subscription of our own HTTP endpoint to a topic. */
export class TopicClient {
  readonly #client: SNSClient
  readonly #topicArn: string
  #subscriptionArn: string | undefined
  #confirmed: () => void = () => {}

  constructor(topicArn: string, address: AwsAddress) {
    this.#client = new SNSClient({ region: topicArn.split(':')[3] ?? 'us-east-1', ...address })
    this.#topicArn = topicArn
  }

  /** Resolves when SNS has asked, by `confirm`, and was told yes; at once where it doesn't ask, as some emulators. */
  async subscribe(url: string): Promise<void> {
    const confirmed = new Promise<void>((resolve) => {
      this.#confirmed = resolve
    })
    const command = new SubscribeCommand({ TopicArn: this.#topicArn, Protocol: 'http', Endpoint: url })
    const { SubscriptionArn } = await this.#client.send(command)
    // Until it is confirmed a subscription has words in place of its ARN.
    if (SubscriptionArn?.startsWith('arn:')) this.#subscriptionArn = SubscriptionArn
    else await confirmed
  }

  async confirm(topicArn: string, token: string): Promise<void> {
    if (topicArn !== this.#topicArn) return
    const answer = await this.#client.send(new ConfirmSubscriptionCommand({ TopicArn: topicArn, Token: token }))
    this.#subscriptionArn = answer.SubscriptionArn
    this.#confirmed()
  }

  async close(): Promise<void> {
    if (this.#subscriptionArn !== undefined) {
      await this.#client.send(new UnsubscribeCommand({ SubscriptionArn: this.#subscriptionArn }))
    }
    this.#client.destroy()
  }
}
