import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Cancellable, Clock, Scheduler } from '@millrace/engine/spi'

/** How long a peer may take, in ms. A server that is only handed sockets doesn't enforce Node's own time-outs. */
export interface Deadlines {
  /** From accepting a connection, or from its first bytes, to a request's complete headers. */
  readonly headersMs: number
  /** Between two pieces of a request's body. */
  readonly bodyIdleMs: number
  /** From a request's headers to the end of its body. */
  readonly bodyTotalMs: number
  /** Without taking anything of an answer that waits to be sent. */
  readonly answerStallMs: number
  /** Between requests on a connection. */
  readonly keepAliveMs: number
}

export const defaultDeadlines: Deadlines = {
  headersMs: 10_000,
  bodyIdleMs: 15_000,
  bodyTotalMs: 120_000,
  answerStallMs: 60_000,
  keepAliveMs: 300_000,
}

interface WatchedSocket {
  readonly socket: Socket
  readonly exchanges: Set<WatchedExchange>
  served: boolean
  sinceMs: number
  bytesWhenIdle: number
}

/** One request with its answer, as its handler tells of it. */
export interface WatchedExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedMs: number
  /** Set by whoever reads the body: at its end, and the time of its latest piece. */
  bodyDone: boolean
  progressMs: number
  waitingBytes: number
  /** True when the answer is out or the client is gone: nobody is told of that again. */
  isClosed: boolean
}

const sweepMs = 500

/** An idle HTTP/2 connection goes on sending settings, window updates and pings. */
const anyBytes = -1

/** Every connection and every request on it; one timer closes whoever is too slow. */
export class ConnectionWatch {
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #sockets = new Map<Socket, WatchedSocket>()
  #timer: Cancellable | undefined
  #closed = false

  constructor(deadlines: Deadlines, clock: Clock, scheduler: Scheduler) {
    this.#deadlines = deadlines
    this.#clock = clock
    this.#scheduler = scheduler
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  addSocket(socket: Socket): void {
    const sinceMs = this.#clock.monotonicMs()
    this.#sockets.set(socket, { socket, exchanges: new Set(), served: false, sinceMs, bytesWhenIdle: 0 })
    socket.once('close', () => this.#sockets.delete(socket))
    if (!this.#closed) this.#timer ??= this.#scheduler.after(sweepMs, () => this.#sweep())
  }

  /** Watches a request from its headers to the end of its answer. */
  addExchange(socket: Socket, request: IncomingMessage, response: ServerResponse): WatchedExchange {
    const startedMs = this.#clock.monotonicMs()
    const exchange = {
      request,
      response,
      startedMs,
      bodyDone: false,
      progressMs: startedMs,
      waitingBytes: 0,
      isClosed: false,
    }
    const watched = this.#sockets.get(socket)
    if (watched === undefined) return { ...exchange, isClosed: true }
    watched.exchanges.add(exchange)
    watched.served = true
    response.once('close', () => {
      exchange.isClosed = true
      watched.exchanges.delete(exchange)
      watched.sinceMs = this.#clock.monotonicMs()
      watched.bytesWhenIdle = request.httpVersionMajor === 2 ? anyBytes : socket.bytesRead
    })
    return exchange
  }

  /** Closes every connection that serves no request; the others when `force`. */
  closeConnections(force: boolean): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const { socket, exchanges } of this.#sockets.values()) if (force || exchanges.size === 0) socket.destroy()
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const watched of this.#sockets.values()) {
      if (watched.exchanges.size === 0) this.#checkWaiting(watched, nowMs)
      for (const exchange of watched.exchanges) this.#checkExchange(watched, exchange, nowMs)
    }
    this.#timer = this.#sockets.size === 0 ? undefined : this.#scheduler.after(sweepMs, () => this.#sweep())
  }

  #checkWaiting(watched: WatchedSocket, nowMs: number): void {
    const { socket, served, sinceMs, bytesWhenIdle } = watched
    if (served && bytesWhenIdle !== anyBytes && socket.bytesRead !== bytesWhenIdle) {
      // The next request has begun: the time for its headers runs from here, at most one sweep late.
      watched.served = false
      watched.sinceMs = nowMs
      return
    }
    const limitMs = served ? this.#deadlines.keepAliveMs : this.#deadlines.headersMs
    if (nowMs - sinceMs > limitMs) socket.destroy()
  }

  #checkExchange(watched: WatchedSocket, exchange: WatchedExchange, nowMs: number): void {
    const { bodyIdleMs, bodyTotalMs, answerStallMs } = this.#deadlines
    const { request, response, startedMs } = exchange
    if (!exchange.bodyDone && !response.writableEnded) {
      const isLate = nowMs - exchange.progressMs > bodyIdleMs || nowMs - startedMs > bodyTotalMs
      if (isLate) request.httpVersionMajor === 2 ? response.destroy() : watched.socket.destroy()
      return
    }
    const waitingBytes = response.writableLength
    if (waitingBytes === 0 || waitingBytes !== exchange.waitingBytes) exchange.progressMs = nowMs
    exchange.waitingBytes = waitingBytes
    if (nowMs - exchange.progressMs > answerStallMs) watched.socket.destroy()
  }
}
