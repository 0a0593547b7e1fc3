import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A message as the topic got it. */
export interface ReceivedMessage {
  readonly entryId: string
  readonly message: string
  readonly subject: string | undefined
  readonly id: string | undefined
  readonly groupId: string | undefined
  readonly deduplicationId: string | undefined
}

/** How one PublishBatch ends. */
export type Outcome =
  | 'accept'
  /** Nothing was taken; an error answer. */
  | { readonly status: number; readonly code: string }
  /** Those at the indexes fail by themselves. */
  | { readonly failing: readonly number[]; readonly code: string; readonly senderFault: boolean }
  /** All are taken, but the connection ends before the answer. */
  | 'accept and hang up'

/** A topic on 127.0.0.1 that speaks SNS's query protocol as far as PublishBatch, keeps what it takes, and fails on demand. */
export class FakeSns {
  /** What the topic took, in order; with repetitions. */
  readonly accepted: ReceivedMessage[] = []
  /** Messages of each request, also of those that failed. */
  readonly requests: (readonly ReceivedMessage[])[] = []
  /** Connections made so far. */
  connections = 0
  decide: (request: readonly ReceivedMessage[]) => Outcome | Promise<Outcome> = () => 'accept'
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeSns> {
    const server = createServer()
    const topic = new FakeSns(server)
    server.on('connection', () => topic.connections++)
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', async () => {
        const messages = parse(Buffer.concat(chunks).toString())
        topic.requests.push(messages)
        const outcome = await topic.decide(messages)
        const failing = typeof outcome === 'object' ? ('failing' in outcome ? outcome.failing : undefined) : []
        if (failing !== undefined) topic.accepted.push(...messages.filter((_, index) => !failing.includes(index)))
        if (outcome === 'accept and hang up') return request.socket.destroy()
        response.setHeader('content-type', 'text/xml')
        if (typeof outcome === 'object' && 'status' in outcome) {
          response.statusCode = outcome.status
          return response.end(`<ErrorResponse><Error><Code>${outcome.code}</Code></Error></ErrorResponse>`)
        }
        response.end(answer(messages, outcome))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return topic
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function parse(body: string): ReceivedMessage[] {
  const form = new URLSearchParams(body)
  const messages: ReceivedMessage[] = []
  for (let n = 1; ; n++) {
    const entry = `PublishBatchRequestEntries.member.${n}`
    const field = (name: string) => form.get(`${entry}.${name}`) ?? undefined
    const entryId = field('Id')
    if (form.get('Action') !== 'PublishBatch' || entryId === undefined) return messages
    let id: string | undefined
    for (let a = 1; field(`MessageAttributes.entry.${a}.Name`) !== undefined; a++) {
      if (field(`MessageAttributes.entry.${a}.Name`) === 'id')
        id = field(`MessageAttributes.entry.${a}.Value.StringValue`)
    }
    messages.push({
      entryId,
      message: field('Message') ?? '',
      subject: field('Subject'),
      id,
      groupId: field('MessageGroupId'),
      deduplicationId: field('MessageDeduplicationId'),
    })
  }
}

function answer(messages: readonly ReceivedMessage[], outcome: Outcome): string {
  const failed = typeof outcome === 'object' && 'failing' in outcome ? outcome : undefined
  const successes = messages
    .filter((_, index) => !failed?.failing.includes(index))
    .map(({ entryId }) => `<member><Id>${entryId}</Id><MessageId>m-${entryId}</MessageId></member>`)
  const failures = messages
    .filter((_, index) => failed?.failing.includes(index))
    .map(({ entryId }) => {
      const { code, senderFault } = failed!
      return `<member><Id>${entryId}</Id><Code>${code}</Code><SenderFault>${senderFault}</SenderFault></member>`
    })
  return `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>
    <Successful>${successes.join('')}</Successful><Failed>${failures.join('')}</Failed>
    </PublishBatchResult></PublishBatchResponse>`
}
