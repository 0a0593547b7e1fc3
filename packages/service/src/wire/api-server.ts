import type { ServerResponse } from 'node:http'
import { asEngineError, type Clock, type Logger, type Random, type Scheduler } from '@millrace/engine/spi'
import type { SignatureVerifier } from '../access/signature-v4.ts'
import { ApiError } from './api-error.ts'
import type { ApiAnswer, ApiService } from './api-service.ts'
import { ClientGoneError, readBody } from './body-reader.ts'
import type { Deadlines, WatchedExchange } from './connection-watch.ts'
import { EventStream } from './event-stream.ts'
import { MemoryBudget } from './memory-budget.ts'
import { randomUuid } from './request-id.ts'
import { SocketFront } from './socket-front.ts'

export interface ApiServerSettings {
  readonly host: string
  readonly port: number
  /** Largest request body; more is 413. */
  readonly maxBodyBytes: number
  /** What bodies and answers in flight may hold together; more is 503. */
  readonly maxInFlightBytes: number
  readonly maxConnections?: number | undefined
  readonly deadlines?: Deadlines | undefined
}

export interface ApiServerParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  readonly verifier: SignatureVerifier
  readonly services: readonly ApiService[]
}

/** The AWS APIs on one port: finds the service, checks the signature, hands over, answers. */
export class ApiServer {
  readonly #settings: ApiServerSettings
  readonly #parts: ApiServerParts
  readonly #front: SocketFront
  readonly #budget: MemoryBudget

  constructor(settings: ApiServerSettings, parts: ApiServerParts) {
    this.#settings = settings
    this.#parts = parts
    this.#budget = new MemoryBudget(settings.maxInFlightBytes)
    this.#front = new SocketFront(settings, (exchange) => void this.#serve(exchange), parts)
  }

  /** Listens; resolves with the port. */
  listen(): Promise<number> {
    return this.#front.listen()
  }

  /** Stops accepting and resolves when the last answer is out; `graceMs` later what is left is closed. */
  async close(graceMs: number): Promise<void> {
    const timer = this.#parts.scheduler.after(graceMs, () => this.#front.destroy())
    await this.#front.close(false)
    timer.cancel()
  }

  async #serve(exchange: WatchedExchange): Promise<void> {
    const { request, response } = exchange
    const method = request.method ?? 'GET'
    const target = request.url ?? '/'
    if (target === '/healthz' && (method === 'GET' || method === 'HEAD')) return this.#answerHealth(exchange)
    const requestId = randomUuid(this.#parts.random)
    const service = this.#parts.services.find((one) => one.accepts(method, target, request.headers))
    if (service === undefined) return this.#refuseUnknown(exchange, requestId)
    let release: (() => void) | undefined
    try {
      const isUnsigned = service.isUnsigned?.(method, target) === true
      const claim = isUnsigned ? undefined : this.#parts.verifier.claim(request.headers, service.signingName)
      const maxBodyBytes = service.maxBodyBytes ?? this.#settings.maxBodyBytes
      const body = await readBody(exchange, maxBodyBytes, this.#budget, this.#parts.clock)
      release = body.release
      if (claim !== undefined) {
        this.#parts.verifier.verify(claim, { method, target, headers: request.headers }, body.bytes)
      }
      const openEventStream = () => {
        if (exchange.isClosed) throw new ClientGoneError()
        release?.()
        release = undefined
        return new EventStream(response, requestId)
      }
      const call = { requestId, headers: request.headers, method, target, body: body.bytes, openEventStream }
      const answer = await service.handle(call)
      if (answer !== undefined) this.#send(exchange, answer, requestId)
    } catch (error) {
      if (error instanceof ClientGoneError || exchange.isClosed || response.writableEnded) return
      const described = this.#describe(error, requestId)
      this.#send(exchange, service.describeError(described, { requestId, headers: request.headers }), requestId)
    } finally {
      release?.()
    }
  }

  /** What the client is told: its own mistake as it is, ours without the inside. */
  #describe(error: unknown, requestId: string): { type: string; message: string; status: number } {
    if (error instanceof ApiError) return error
    const failure = asEngineError(error, 'bug')
    const { code, kind, message, details } = failure
    this.#parts.logger.error('request failed', { requestId, code, kind, message, details, stack: failure.stack })
    if (kind === 'unavailable') return { type: 'ServiceUnavailableException', message: 'Try again.', status: 503 }
    return { type: 'InternalFailure', message: 'The request failed by an internal error.', status: 500 }
  }

  #send(exchange: WatchedExchange, answer: ApiAnswer, requestId: string): void {
    const { request, response } = exchange
    if (exchange.isClosed) return
    const size = typeof answer.body === 'string' ? Buffer.byteLength(answer.body) : answer.body.length
    const headers: Record<string, string | number> = {
      'content-type': answer.contentType,
      'content-length': size,
      'x-amzn-requestid': requestId,
      'x-amz-id-2': requestId,
      ...answer.headers,
    }
    if (!exchange.bodyDone && request.httpVersionMajor === 1) headers['connection'] = 'close'
    if (!this.#budget.tryReserve(size)) {
      response.writeHead(503, { 'content-length': 0, 'x-amzn-requestid': requestId })
      response.end()
      return
    }
    response.once('close', () => this.#budget.release(size))
    response.writeHead(answer.status, headers)
    response.end(answer.body)
    // What is still being sent of a refused body is thrown away, within the body's deadline.
    if (!exchange.bodyDone) request.resume()
  }

  #refuseUnknown(exchange: WatchedExchange, requestId: string): void {
    const body = JSON.stringify({ __type: 'UnknownOperationException', message: 'The operation is not known here.' })
    const headers = { 'x-amzn-errortype': 'UnknownOperationException' }
    this.#send(exchange, { status: 400, contentType: 'application/x-amz-json-1.1', body, headers }, requestId)
  }

  #answerHealth(exchange: WatchedExchange): void {
    const { request, response } = exchange
    answerText(response, 200, 'ok\n')
    request.resume()
  }
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
