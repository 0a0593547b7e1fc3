import type { ServerResponse } from 'node:http'
import { asEngineError, type Clock, type Logger, type Random, type Scheduler, sleep } from '@millrace/engine/spi'
import { type AccessControl, claimedKeyId } from '../access/access-control.ts'
import { type ApplicationRoute, applicationRoute, wantedOfRoute } from '../access/application-routes.ts'
import type { AuditEntry } from '../access/audit-log.ts'
import type { CallAccess, RequestOrigin } from '../access/call-access.ts'
import { plainAddress } from '../access/policy/ip-range.ts'
import { anonymousIdentity } from '../access/principal.ts'
import { type Claim, hasSignature } from '../access/signature-v4.ts'
import { ApiError } from './api-error.ts'
import type { ApiAnswer, ApiService } from './api-service.ts'
import { ClientGoneError, readBody } from './body-reader.ts'
import type { Deadlines, WatchedExchange } from './connection-watch.ts'
import { EventStream } from './event-stream.ts'
import { describeJsonError } from './json-error.ts'
import { MemoryBudget } from './memory-budget.ts'
import { randomUuid } from './request-id.ts'
import { SocketFront } from './socket-front.ts'
import type { TlsCertificate } from './tls-certificate.ts'

export interface ApiServerSettings {
  readonly host: string
  readonly port: number
  /** Largest request body; more is 413. */
  readonly maxBodyBytes: number
  /** What bodies and answers in flight may hold together; more is 503. */
  readonly maxInFlightBytes: number
  readonly maxConnections?: number | undefined
  readonly deadlines?: Deadlines | undefined
  /** Speaks TLS with it. */
  readonly certificate?: TlsCertificate | undefined
  /** A second port in cleartext, on 127.0.0.1, for the jobs of this machine. */
  readonly localPort?: boolean
}

export interface ApiServerParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  readonly access: AccessControl
  readonly services: readonly ApiService[]
  /** Of an application, for policies that look at them. */
  readonly applicationTags?: ((applicationName: string) => Promise<Readonly<Record<string, string>>>) | undefined
  /** What `/metrics` answers: Prometheus text. */
  readonly metricsText?: (() => Promise<string>) | undefined
}

/** The AWS APIs on one port: finds the service, checks who calls, hands over, answers, and writes it down. */
export class ApiServer {
  readonly #settings: ApiServerSettings
  readonly #parts: ApiServerParts
  readonly #front: SocketFront
  readonly #localFront: SocketFront | undefined
  readonly #budget: MemoryBudget

  constructor(settings: ApiServerSettings, parts: ApiServerParts) {
    this.#settings = settings
    this.#parts = parts
    this.#budget = new MemoryBudget(settings.maxInFlightBytes)
    const serve = (exchange: WatchedExchange) => void this.#serve(exchange)
    this.#front = new SocketFront(settings, serve, parts)
    const local = { host: '127.0.0.1', port: 0, maxConnections: settings.maxConnections, deadlines: settings.deadlines }
    this.#localFront = settings.localPort === true ? new SocketFront(local, serve, parts) : undefined
  }

  /** Listens; resolves with the port, and the one for this machine: the same unless `localPort` is set. */
  async listen(): Promise<{ readonly port: number; readonly localPort: number }> {
    const port = await this.#front.listen()
    return { port, localPort: (await this.#localFront?.listen()) ?? port }
  }

  /** Stops accepting and resolves when the last answer is out; `graceMs` later what is left is closed. */
  async close(graceMs: number): Promise<void> {
    const fronts = this.#localFront === undefined ? [this.#front] : [this.#front, this.#localFront]
    const timer = this.#parts.scheduler.after(graceMs, () => {
      for (const front of fronts) front.destroy()
    })
    await Promise.all(fronts.map((front) => front.close(false)))
    timer.cancel()
  }

  async #serve(exchange: WatchedExchange): Promise<void> {
    const { request } = exchange
    const method = request.method ?? 'GET'
    const target = request.url ?? '/'
    if (isMonitoring(method, target)) return this.#answerMonitoring(exchange, target)
    const requestId = randomUuid(this.#parts.random)
    const service = this.#parts.services.find((one) => one.accepts(method, target, request.headers))
    if (service === undefined) return this.#refuseUnknown(exchange, requestId)
    const call: Incoming = { exchange, method, target, requestId, service, origin: originOf(request) }
    const progress: Progress = { access: undefined, isAdmitted: false, release: undefined }
    try {
      const answer = await this.#handle(call, progress)
      this.#parts.access.audit.write(auditEntry(call, progress, answer?.status ?? 200, undefined))
      if (answer !== undefined) this.#send(exchange, answer, requestId)
    } catch (error) {
      await this.#refuse(call, progress, error)
    } finally {
      progress.release?.()
    }
  }

  /** Says who it is, reads and verifies the body, and lets the service answer. */
  async #handle(call: Incoming, progress: Progress): Promise<ApiAnswer | undefined> {
    const { exchange, method, target, requestId, service, origin } = call
    const { access } = this.#parts
    const { request, response } = exchange
    const { headers } = request
    let claim: Claim | undefined
    if (service.isUnsigned?.(method, target) === true) {
      const identity = (await service.identify?.(headers, origin)) ?? anonymousIdentity
      progress.access = access.callBy(identity, origin)
    } else {
      const linked = hasSignature(target, headers)
        ? undefined
        : access.links.admit(method, target, headers, origin.isSecure)
      if (linked !== undefined && 'status' in linked) return linked
      if (linked === undefined) claim = await access.verifier.claim({ method, target, headers }, service.signingName)
      else progress.access = access.callBy(linked, origin)
    }
    const maxBodyBytes = service.maxBodyBytes ?? this.#settings.maxBodyBytes
    const body = await readBody(exchange, maxBodyBytes, this.#budget, this.#parts.clock)
    progress.release = body.release
    if (claim !== undefined) {
      access.verifier.verify(claim, { method, target, headers }, body.bytes)
      progress.access = access.callBy(claim.identity, origin)
    }
    progress.isAdmitted = true
    const caller = progress.access as CallAccess
    access.rates.take(caller.principal.arn)
    const route = applicationRoute(target)
    if (route !== undefined) await this.#authorizeRoute(route, method, caller)
    const openEventStream = () => {
      if (exchange.isClosed) throw new ClientGoneError()
      progress.release?.()
      progress.release = undefined
      return new EventStream(response, requestId)
    }
    const { principal } = caller
    return service.handle({
      requestId,
      method,
      headers,
      target,
      body: body.bytes,
      principal,
      access: caller,
      openEventStream,
    })
  }

  async #authorizeRoute(route: ApplicationRoute, method: string, caller: CallAccess): Promise<void> {
    const { access, applicationTags } = this.#parts
    const wanted = wantedOfRoute(route, method, access.account)
    const asks = caller.asksForResourceTags && applicationTags !== undefined
    const resourceTags = asks ? await applicationTags(route.applicationName) : undefined
    caller.authorize({ ...wanted, resourceTags })
  }

  async #refuse(call: Incoming, progress: Progress, error: unknown): Promise<void> {
    const { exchange, requestId, service, origin } = call
    const { request, response } = exchange
    if (error instanceof ClientGoneError || exchange.isClosed || response.writableEnded) return
    const described = this.#describe(error, requestId)
    this.#parts.access.audit.write(auditEntry(call, progress, described.status, described.type))
    if (!progress.isAdmitted && described.status === 403) {
      const delayMs = this.#parts.access.failures.failed(origin.sourceIp)
      if (delayMs > 0) await sleep(this.#parts.scheduler, delayMs)
    }
    this.#send(exchange, service.describeError(described, { requestId, headers: request.headers }), requestId)
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
    this.#auditUnserved(exchange, requestId, 'unknown', 400, 'UnknownOperationException')
    const error = { type: 'UnknownOperationException', message: 'The operation is not known here.', status: 400 }
    this.#send(exchange, describeJsonError(error), requestId)
  }

  /** What no service was asked for, and nobody's right was looked at. */
  #auditUnserved(
    { request }: WatchedExchange,
    requestId: string,
    action: string,
    status: number,
    errorCode: string,
  ): void {
    const { sourceIp, userAgent } = originOf(request)
    const claimedAccessKeyId = claimedKeyId(request.url ?? '/', request.headers)
    const unknown = { principal: undefined, resource: undefined, claimedAccessKeyId }
    this.#parts.access.audit.write({ ...unknown, requestId, action, sourceIp, userAgent, status, errorCode })
  }

  #answerMonitoring(exchange: WatchedExchange, target: string): Promise<void> | void {
    const { request, response } = exchange
    request.resume()
    const { access, metricsText } = this.#parts
    if (!access.monitoring.admits(request.headers, originOf(request).sourceIp)) {
      const requestId = randomUuid(this.#parts.random)
      this.#auditUnserved(exchange, requestId, `GET ${target}`, 401, 'MonitoringTokenMissing')
      response.setHeader('www-authenticate', 'Bearer')
      response.setHeader('x-amzn-requestid', requestId)
      return answerText(response, 401, 'From elsewhere than this machine the monitoring token is needed.\n')
    }
    if (target === '/healthz') return answerText(response, 200, 'ok\n')
    if (metricsText === undefined) return answerText(response, 404, 'This endpoint has no metrics.\n')
    return metricsText().then(
      (text) => answerText(response, 200, text),
      (error: unknown) => {
        this.#parts.logger.error('metrics not collected', { cause: String(error) })
        answerText(response, 500, 'The metrics could not be collected.\n')
      },
    )
  }
}

/** A request that a service takes. */
interface Incoming {
  readonly exchange: WatchedExchange
  readonly method: string
  readonly target: string
  readonly requestId: string
  readonly service: ApiService
  readonly origin: RequestOrigin
}

/** How far a request has come. */
interface Progress {
  access: CallAccess | undefined
  /** Whether it's known who calls. */
  isAdmitted: boolean
  release: (() => void) | undefined
}

function isMonitoring(method: string, target: string): boolean {
  return (target === '/healthz' || target === '/metrics') && (method === 'GET' || method === 'HEAD')
}

function originOf({ socket, headers }: WatchedExchange['request']): RequestOrigin {
  return {
    sourceIp: plainAddress(socket.remoteAddress ?? ''),
    isSecure: 'encrypted' in socket && socket.encrypted === true,
    userAgent: headers['user-agent'] ?? '',
  }
}

function auditEntry(
  { exchange: { request }, target, requestId, service, origin }: Incoming,
  { access }: Progress,
  status: number,
  errorCode: string | undefined,
): AuditEntry {
  const { sourceIp, userAgent } = origin
  const { wanted } = access ?? {}
  const action = wanted?.action ?? `${service.signingName}:${operationOf(request.headers)}`
  const claimed = access === undefined ? claimedKeyId(target, request.headers) : undefined
  return {
    requestId,
    principal: access?.principal,
    claimedAccessKeyId: claimed,
    action,
    resource: wanted?.resource,
    sourceIp,
    userAgent,
    status,
    errorCode,
  }
}

/** Of a call that was refused before its service looked at it. */
function operationOf(headers: WatchedExchange['request']['headers']): string {
  const target = headers['x-amz-target']
  return typeof target === 'string' ? target.slice(target.indexOf('.') + 1) : 'unknown'
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
