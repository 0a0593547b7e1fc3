import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type Random, seededRandom } from '@millrace/engine/spi'
import { type Answer, type Call, jsonAnswer, jsonError, protocolOf } from './fault-protocols.ts'

/**
 * What the proxy can do to a call.
 *
 * - `throttle`: refuses it in its service's way (ProvisionedThroughputExceededException, Throttling, 503 SlowDown), without
 *   forwarding it.
 * - `expire-iterator`: refuses a GetRecords by ExpiredIteratorException.
 * - `empty-answer`: answers a GetRecords with no records and the same iterator, behind the tip, as AWS may.
 * - `partial-failure`: forwards about half of a PutRecords' or PublishBatch's entries and reports the others as failed. The
 *   body changes, so the target must not check signatures.
 * - `drop-answer`: forwards it and cuts the connection instead of answering: the call has happened, its caller can't know.
 * - `delay`: forwards it after up to 300 ms.
 * - `cut-stream`: forwards it and cuts the connection in the middle of its event stream.
 */
export type Fault =
  | 'throttle'
  | 'expire-iterator'
  | 'empty-answer'
  | 'partial-failure'
  | 'drop-answer'
  | 'delay'
  | 'cut-stream'

/** A fault for calls of one operation: with a probability, or at its k-th calls (from 1). */
export interface FaultRule {
  readonly operation: string
  readonly fault: Fault
  readonly probability?: number
  readonly calls?: readonly number[]
}

/** A running proxy. */
export interface FaultProxy {
  readonly url: string
  /** How often each fault was done. */
  readonly done: Readonly<Record<Fault, number>>
  /** Replaces the rules; none: a plain proxy. */
  setRules(rules: readonly FaultRule[]): void
  close(): Promise<void>
}

const maxDelayMs = 300

/** Starts an HTTP/1.1 reverse proxy before an endpoint of Kinesis, SNS or S3, on a free port of 127.0.0.1. Same seed, same choices. */
export async function startFaultProxy(target: string, rules: readonly FaultRule[], seed: number): Promise<FaultProxy> {
  const proxy = new FaultyForwarder(new URL(target), rules, seededRandom(seed))
  const server = createServer((incoming, outgoing) => {
    proxy.handle(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    done: proxy.done,
    setRules: (next) => {
      proxy.rules = next
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

class FaultyForwarder {
  readonly done: Record<Fault, number> = {
    throttle: 0,
    'expire-iterator': 0,
    'empty-answer': 0,
    'partial-failure': 0,
    'drop-answer': 0,
    delay: 0,
    'cut-stream': 0,
  }
  rules: readonly FaultRule[]
  readonly #target: URL
  readonly #random: Random
  readonly #calls = new Map<string, number>()

  constructor(target: URL, rules: readonly FaultRule[], random: Random) {
    this.#target = target
    this.rules = rules
    this.#random = random
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'POST', url: path = '/', headers } = incoming
    const call: Call = { method, path, headers, body: await bytesOf(incoming) }
    const protocol = protocolOf(call)
    const fault = this.#choose(protocol.operation(call))
    if (fault !== undefined) this.done[fault]++
    switch (fault) {
      case 'throttle':
        return answer(outgoing, protocol.throttled())
      case 'expire-iterator':
        return answer(outgoing, jsonError('ExpiredIteratorException'))
      case 'empty-answer':
        return answer(
          outgoing,
          jsonAnswer(200, {
            Records: [],
            NextShardIterator: JSON.parse(call.body.toString()).ShardIterator,
            MillisBehindLatest: 1_000,
          }),
        )
      case 'partial-failure':
        return this.#failSome(call, outgoing)
      case 'drop-answer':
        await bytesOf(await this.#forward(call))
        outgoing.destroy()
        return
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, this.#random.int(0, maxDelayMs)))
        return this.#pass(call, outgoing)
      case 'cut-stream':
        return this.#cut(call, outgoing)
      case undefined:
        return this.#pass(call, outgoing)
    }
  }

  #choose(operation: string): Fault | undefined {
    const ordinal = (this.#calls.get(operation) ?? 0) + 1
    this.#calls.set(operation, ordinal)
    for (const rule of this.rules) {
      if (rule.operation !== operation) continue
      if (rule.calls?.includes(ordinal) || this.#random.next() < (rule.probability ?? 0)) return rule.fault
    }
    return undefined
  }

  async #pass(call: Call, outgoing: ServerResponse): Promise<void> {
    const upstream = await this.#forward(call)
    outgoing.writeHead(upstream.statusCode ?? 502, upstream.headers)
    // A caller that hangs up ends its event stream at the target too.
    outgoing.on('close', () => upstream.destroy())
    upstream.on('error', () => outgoing.destroy())
    upstream.pipe(outgoing)
  }

  async #cut(call: Call, outgoing: ServerResponse): Promise<void> {
    await this.#pass(call, outgoing)
    setTimeout(() => outgoing.destroy(), this.#random.int(50, 1_500))
  }

  async #failSome(call: Call, outgoing: ServerResponse): Promise<void> {
    const { body, merged } = protocolOf(call).failSome(call, () => this.#random.next() >= 0.5)
    if (body === undefined) return answer(outgoing, merged(undefined))
    const upstream = await this.#forward({ ...call, body })
    const text = (await bytesOf(upstream)).toString()
    const { statusCode: status = 502, headers } = upstream
    answer(outgoing, status === 200 ? merged(text) : { status, contentType: headers['content-type'] ?? '', body: text })
  }

  async #forward({ method, headers, path, body }: Call): Promise<IncomingMessage> {
    const { hostname, port } = this.#target
    const { 'transfer-encoding': _, expect: __, ...kept } = headers
    const upstream = request({
      hostname,
      port,
      path,
      method,
      headers: { ...kept, 'content-length': body.length },
    })
    upstream.end(body)
    const [response] = (await once(upstream, 'response')) as [IncomingMessage]
    return response
  }
}

function answer(outgoing: ServerResponse, { status, contentType, body }: Answer): void {
  outgoing.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  outgoing.end(body)
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
