import type { Duplex } from 'node:stream'
import type { EngineError } from '@millrace/engine'
import { asEngineError, serializeError, systemClock } from '@millrace/engine/spi'
import { APPLICATION_PROTOCOL, type ApplicationEvent, encodeLine, JsonLineDecoder } from '@millrace/service/launchers'
import { packageVersion } from '../version.ts'

/** What a peer that comes and goes may leave unread in memory before its log lines are dropped. */
const MAX_UNREAD_BYTES = 4 << 20

/** Receives what a peer asks for, still unchecked; `send` answers that peer alone. */
export type CommandHandler = (message: Record<string, unknown>, send: (event: ApplicationEvent) => void) => void

/** One peer of the control protocol: the parent on a descriptor, or a client of the local socket. */
export class ControlConnection {
  /** Resolves when the peer is gone. */
  readonly closed: Promise<void>
  readonly #stream: Duplex
  readonly #maxUnreadBytes: number
  #droppedLines = 0

  constructor(stream: Duplex, onCommand: CommandHandler, maxUnreadBytes = MAX_UNREAD_BYTES) {
    this.#stream = stream
    this.#maxUnreadBytes = maxUnreadBytes
    const decoder = new JsonLineDecoder()
    const refuse = (error: EngineError): void => this.send({ type: 'refused', error: withoutStack(error) })
    this.closed = new Promise((resolve) => {
      stream.on('data', (bytes: Buffer) => {
        try {
          for (const message of decoder.push(bytes, refuse)) onCommand(message, (event) => this.send(event))
        } catch (error) {
          refuse(asEngineError(error))
          stream.destroy()
        }
      })
      for (const event of ['end', 'close', 'error']) stream.on(event, () => resolve())
    })
    this.send({ type: 'hello', protocol: APPLICATION_PROTOCOL, version: packageVersion(), pid: process.pid })
  }

  send(event: ApplicationEvent): void {
    if (!this.#stream.writable) return
    if (event.type === 'log') {
      if (this.#stream.writableLength > this.#maxUnreadBytes) {
        this.#droppedLines++
        return
      }
      this.#tellDropped(event.timestampMs)
    }
    this.#stream.write(encodeLine(event))
  }

  #tellDropped(timestampMs: number): void {
    if (this.#droppedLines === 0) return
    const fields = { lines: this.#droppedLines }
    this.#droppedLines = 0
    const message = 'log lines were dropped: nobody read them'
    this.#stream.write(encodeLine({ type: 'log', timestampMs, level: 'warn', message, fields }))
  }

  /** Ends the connection; resolves when the peer has been handed everything. */
  end(): Promise<void> {
    if (this.#stream.writable) this.#tellDropped(systemClock.now())
    return new Promise((resolve) => {
      if (this.#stream.destroyed || !this.#stream.writable) resolve()
      else this.#stream.end(() => resolve())
      this.#stream.once('close', () => resolve())
    })
  }
}

/** A refusal's stack says nothing to the peer. */
export function withoutStack(error: unknown): ReturnType<typeof serializeError> {
  return { ...serializeError(error), stack: undefined }
}
