import { createServer as createHttp1, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Clock, Logger, Scheduler } from '@millrace/engine/spi'
import { ConnectionWatch, type Deadlines, defaultDeadlines, type WatchedExchange } from './connection-watch.ts'
import type { TlsCertificate } from './tls-certificate.ts'

export interface SocketFrontSettings {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly maxConnections?: number | undefined
  readonly deadlines?: Deadlines | undefined
  /** Speaks TLS with this certificate, and nothing else. */
  readonly certificate?: TlsCertificate | undefined
}

/** Answers one request; HTTP/1.1 and HTTP/2 look the same (Node's compatibility API). It must not throw. */
export type ExchangeHandler = (exchange: WatchedExchange) => void

const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/**
 * One port for HTTP/1.1 and HTTP/2. With a certificate the client chooses by ALPN; in cleartext the first bytes decide which of Node's servers gets the socket, because
 * the AWS SDK for JavaScript speaks HTTP/2 to Kinesis even on `http://`. The front owns every deadline and bound: the
 * number of connections, the time for first bytes, headers and bodies, answers that nobody takes.
 */
export class SocketFront {
  readonly #http1: Server
  readonly #http2: Http2Server
  readonly #net: NetServer
  readonly #watch: ConnectionWatch
  readonly #logger: Logger
  readonly #settings: SocketFrontSettings
  /** Node shows HTTP/2 handlers a proxy of the socket only; this knows the real one. */
  readonly #sessions = new Map<ServerHttp2Session, Socket>()
  #handedOver: Socket | undefined
  /** What lies below TLS connections, also of those that have not shaken hands yet. */
  readonly #encrypted = new Set<Socket>()
  #refused = 0

  constructor(
    settings: SocketFrontSettings,
    handler: ExchangeHandler,
    parts: { readonly clock: Clock; readonly scheduler: Scheduler; readonly logger: Logger },
  ) {
    this.#settings = settings
    this.#logger = parts.logger
    this.#watch = new ConnectionWatch(settings.deadlines ?? defaultDeadlines, parts.clock, parts.scheduler)
    const onRequest = (socket: Socket, request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => {})
      handler(this.#watch.addExchange(socket, request, response))
    }
    this.#http1 = createHttp1({ maxHeaderSize: 32 << 10, keepAlive: true, noDelay: true }, (request, response) => {
      onRequest(request.socket, request, response)
    })
    this.#http1.keepAliveTimeout = 0
    // `Expect: 100-continue` (boto3 for large bodies) is answered by Node before the handler runs.
    this.#http1.on('clientError', (_error, socket) => socket.destroy())
    this.#http2 = createHttp2({
      maxSessionMemory: 32,
      settings: { maxConcurrentStreams: 256, initialWindowSize: 1 << 20, maxHeaderListSize: 32 << 10 },
    })
    this.#http2.on('request', (request, response) => {
      const socket = this.#sessions.get(request.stream.session as ServerHttp2Session)
      if (socket === undefined) return request.stream.destroy()
      onRequest(socket, request as unknown as IncomingMessage, response as unknown as ServerResponse)
    })
    this.#http2.on('session', (session) => this.#addSession(session))
    this.#http2.on('sessionError', () => {})
    this.#net =
      settings.certificate === undefined
        ? createServer({ noDelay: true, pauseOnConnect: false }, (socket) => this.#accept(socket))
        : this.#tlsServer(settings.certificate)
  }

  /** Listens; resolves with the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#net.once('error', reject)
      this.#net.listen(this.#settings.port, this.#settings.host, () => {
        this.#net.off('error', reject)
        resolve()
      })
    })
    return (this.#net.address() as AddressInfo).port
  }

  /** Connections now open, and those turned away because there were too many. */
  get connections(): { readonly open: number; readonly refused: number } {
    return { open: this.#watch.connectionCount, refused: this.#refused }
  }

  /** Stops accepting; idle connections close at once, busy ones when `force`. Resolves when all are closed. */
  async close(force: boolean): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()))
    for (const session of this.#sessions.keys()) session.close()
    this.#watch.closeConnections(force)
    await closed
  }

  /** Closes what is left. */
  destroy(): void {
    for (const socket of this.#encrypted) socket.destroy()
    this.#watch.closeConnections(true)
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    if (this.#isFull()) {
      this.#turnAway(socket)
      return
    }
    this.#watch.addSocket(socket)
    this.#sniff(socket, Buffer.alloc(0))
  }

  /** The client says by ALPN which of the protocols it speaks. */
  #tlsServer(certificate: TlsCertificate): NetServer {
    const { headersMs } = this.#settings.deadlines ?? defaultDeadlines
    const server = createTlsServer({
      ...certificate.current,
      noDelay: true,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: headersMs,
    })
    certificate.onRenewed(() => server.setSecureContext({ ...certificate.current, minVersion: 'TLSv1.2' }))
    server.on('connection', (socket: Socket) => {
      if (this.#isFull()) {
        this.#turnAway(socket)
        return
      }
      this.#encrypted.add(socket)
      socket.once('close', () => this.#encrypted.delete(socket))
    })
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy())
      this.#watch.addSocket(socket)
      this.#handedOver = socket
      const http = socket.alpnProtocol === 'h2' ? this.#http2 : this.#http1
      http.emit('connection', socket)
    })
    return server
  }

  #isFull(): boolean {
    return Math.max(this.#watch.connectionCount, this.#encrypted.size) >= (this.#settings.maxConnections ?? 1024)
  }

  #turnAway(socket: Socket): void {
    if (this.#refused++ === 0) this.#logger.warn('connection refused: too many are open')
    socket.destroy()
  }

  #sniff(socket: Socket, seen: Buffer): void {
    socket.once('readable', () => {
      const more = socket.read() as Buffer | null
      if (more === null) {
        // The end of a connection that said nothing, or too little.
        if (!socket.destroyed) socket.readableEnded ? socket.destroy() : this.#sniff(socket, seen)
        return
      }
      const bytes = seen.length === 0 ? more : Buffer.concat([seen, more])
      const compared = Math.min(bytes.length, http2Preface.length)
      const mayBeHttp2 = bytes.subarray(0, compared).equals(http2Preface.subarray(0, compared))
      if (mayBeHttp2 && compared < http2Preface.length) this.#sniff(socket, bytes)
      else {
        socket.unshift(bytes)
        this.#handedOver = socket
        const server = mayBeHttp2 ? this.#http2 : this.#http1
        server.emit('connection', socket)
      }
    })
  }

  #addSession(session: ServerHttp2Session): void {
    // Node makes the session while the socket is being handed over.
    this.#sessions.set(session, this.#handedOver!)
    session.on('error', () => session.destroy())
    session.once('close', () => this.#sessions.delete(session))
    // The default window of 64 KiB for all streams together would make one PutRecords of 10 MiB wait 160 times.
    session.setLocalWindowSize(4 << 20)
  }
}
