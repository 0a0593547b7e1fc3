import type { ServerResponse } from 'node:http'
import { initialResponseFrame } from './event-stream-frame.ts'

/** An open `application/vnd.amazon.eventstream` answer. */
export class EventStream {
  readonly #response: ServerResponse
  #closed = false

  /** Sends status, headers and the initial response at once: SDKs resolve their call on the first message. */
  constructor(response: ServerResponse, requestId: string) {
    this.#response = response
    response.writeHead(200, {
      'content-type': 'application/vnd.amazon.eventstream',
      'x-amzn-requestid': requestId,
      'x-amz-id-2': requestId,
    })
    response.once('close', () => {
      this.#closed = true
    })
    response.write(initialResponseFrame())
  }

  /** True when the client, or we, ended it. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Sends a frame. False: the client isn't taking data; send the next one after `onDrain`. */
  send(frame: Buffer): boolean {
    return this.#response.write(frame)
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener)
  }

  /** Calls `listener` once when the stream is over for whatever reason. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener)
  }

  end(lastFrame?: Buffer): void {
    if (this.#closed) return
    this.#closed = true
    if (lastFrame === undefined) this.#response.end()
    else this.#response.end(lastFrame)
  }
}
