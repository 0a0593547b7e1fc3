import type { Duplex } from 'node:stream'
import type { EngineError } from '@millrace/engine'
import { asEngineError, serializeError } from '@millrace/engine/spi'
import { APPLICATION_PROTOCOL, type ApplicationEvent, encodeLine, JsonLineDecoder } from '@millrace/service/launchers'
import { packageVersion } from '../version.ts'

/** What a peer that doesn't read may leave in memory before its log lines are dropped. */
const MAX_UNREAD_BYTES = 4 << 20

/** Receives what a peer asks for, still unchecked; `send` answers that peer alone. */
export type CommandHandler = (message: Record<string, unknown>, send: (event: ApplicationEvent) => void) => void

/** One peer of the control protocol: the parent on a descriptor, or a client of the local socket. */
export class ControlConnection {
  /** Resolves when the peer is gone. */
  readonly closed: Promise<void>
  readonly #stream: Duplex
  #droppedLines = 0

  constructor(stream: Duplex, onCommand: CommandHandler) {
    this.#stream = stream
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
      if (this.#stream.writableLength > MAX_UNREAD_BYTES) {
        this.#droppedLines++
        return
      }
      if (this.#droppedLines > 0) {
        const fields = { lines: this.#droppedLines }
        this.#droppedLines = 0
        this.send({ ...event, level: 'warn', message: 'log lines were dropped: nobody read them', fields })
      }
    }
    this.#stream.write(encodeLine(event))
  }

  /** Ends the connection; resolves when the peer has been handed everything. */
  end(): Promise<void> {
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
