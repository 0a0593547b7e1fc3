import { connect, type Socket } from 'node:net'
import { type ApplicationEvent, encodeLine, JsonLineDecoder } from '@millrace/service/launchers'
import { controlOf, sleep } from './service-node.ts'

/** An instant at which an application was seen to have processed more than before. */
export interface Progress {
  readonly atMs: number
  /** Which of the application's processes, from 1: a process number may come again where each has a namespace of its own. */
  readonly process: number
  /** Records that its sinks have sent since its process began. */
  readonly records: number
}

const POLL_MS = 10
const RECONNECT_MS = 5

/**
 * Watches what an application has sent to its sinks, by the counters that its process tells on its control socket, every
 * 10 ms and through all its processes. A gap is thus measured up to some 20 ms too long, never too short.
 */
export class ProgressWatch {
  readonly #runDirectory: string
  readonly seen: Progress[] = []
  readonly #done: Promise<void>
  /** The number of the process that is being watched. */
  process = 0
  #closed = false
  #socket: Socket | undefined

  constructor(runDirectory: string) {
    this.#runDirectory = runDirectory
    this.#done = this.#watch()
  }

  /** Resolves with the first progress that `wanted` holds of, also an earlier one. */
  async until(what: string, wanted: (progress: Progress) => boolean, limitMs = 60_000): Promise<Progress> {
    const untilMs = performance.now() + limitMs
    for (let next = 0; ; await sleep(5)) {
      for (; next < this.seen.length; next++) if (wanted(this.seen[next]!)) return this.seen[next]!
      if (performance.now() > untilMs) throw new Error(`${what}: not within ${limitMs} ms`)
    }
  }

  /** The longest time without progress that touches the span. */
  longestGapMs(fromMs: number, toMs: number): number {
    let longest = 0
    for (let i = 1; i < this.seen.length; i++) {
      const [before, after] = [this.seen[i - 1]!.atMs, this.seen[i]!.atMs]
      if (after >= fromMs && before <= toMs) longest = Math.max(longest, after - before)
    }
    return longest
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#socket?.destroy()
    await this.#done
  }

  async #watch(): Promise<void> {
    while (!this.#closed) {
      await this.#listen()
      await sleep(RECONNECT_MS)
    }
  }

  /** Resolves when the connection has ended, or there was none. */
  #listen(): Promise<void> {
    const control = controlOf(this.#runDirectory)
    if (control === undefined) return Promise.resolve()
    const decoder = new JsonLineDecoder()
    const socket = connect(control.socket)
    this.#socket = socket
    let records = 0
    return new Promise((resolve) => {
      const ask = (): void => void socket.write(encodeLine({ type: 'metrics', requestId: 1 }))
      socket.once('connect', () => {
        this.process++
        ask()
      })
      socket.on('data', (bytes: Buffer) => {
        for (const message of decoder.push(bytes, () => {})) {
          const event = message as unknown as ApplicationEvent
          if (event.type !== 'metrics' && event.type !== 'refused') continue
          const sent = event.type === 'metrics' ? sentIn(event) : 0
          if (sent > records) {
            records = sent
            this.seen.push({ atMs: performance.now(), process: this.process, records })
          }
          setTimeout(ask, POLL_MS)
        }
      })
      // Nobody listens any more, or not yet; the next one will.
      socket.on('error', () => {})
      socket.once('close', () => resolve())
    })
  }
}

function sentIn(event: Extract<ApplicationEvent, { type: 'metrics' }>): number {
  let sent = 0
  for (const { values } of event.operators) sent += values['numRecordsSend'] ?? 0
  return sent
}
