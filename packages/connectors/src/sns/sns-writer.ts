import {
  type Batch,
  type Counter,
  EngineError,
  type SinkSnapshot,
  type SinkWriter,
  type SubtaskContext,
} from '@millrace/engine/spi'
import { MAX_REQUEST_BYTES, messageOf, sizeOf } from './message.ts'
import type { SnsSettings } from './options.ts'
import { Outbox } from './outbox.ts'
import type { SnsApi } from './sns-api.ts'

/** Size of the messages not yet acknowledged, from which on the subtask pauses. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024

/**
 * One subtask's messages on their way. It has no state: what a checkpoint covers is acknowledged.
 *
 * Metrics: `numRecordsAcknowledged`, `numRecordsSendErrors` (sent again), `numRecordsOversized` (dropped), `numRecordsBuffered`.
 */
export class SnsWriter<T> implements SinkWriter<T, never, never> {
  readonly #settings: SnsSettings<T>
  readonly #api: SnsApi
  readonly #outbox: Outbox
  readonly #closing = new AbortController()
  readonly #oversized: Counter
  readonly #broken: Promise<never>
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}
  #paused = false

  constructor(settings: SnsSettings<T>, context: SubtaskContext, api: SnsApi) {
    const { clock, scheduler, random, metrics } = context
    const around = { clock, scheduler, random, signal: this.#closing.signal }
    const acknowledged = metrics.counter('numRecordsAcknowledged')
    const sentAgain = metrics.counter('numRecordsSendErrors')
    let breakSnapshots = (_error: unknown): void => {}
    this.#settings = settings
    this.#api = api
    this.#oversized = metrics.counter('numRecordsOversized')
    this.#broken = new Promise((_resolve, reject) => {
      breakSnapshots = reject
    })
    // Nobody looks at it unless a snapshot is under way.
    this.#broken.catch(() => {})
    this.#outbox = new Outbox(api, settings, around, {
      settled: (count) => {
        acknowledged.value += count
        if (this.#paused && this.#hasRoom()) this.#resume()
      },
      retried: (count) => {
        sentAgain.value += count
      },
      failed: (error) => {
        this.#failure ??= { error }
        this.#closing.abort()
        breakSnapshots(error)
        this.#resume()
      },
    })
    metrics.gauge('numRecordsBuffered', () => this.#outbox.open)
  }

  async open(wake: () => void): Promise<void> {
    this.#wake = wake
    await this.#api.open()
  }

  write(batch: Batch<T>): void {
    this.#throwFailure()
    for (let i = 0; i < batch.length; i++) {
      const message = messageOf(this.#settings, batch.valueAt(i))
      const bytes = sizeOf(message)
      if (bytes <= MAX_REQUEST_BYTES) this.#outbox.add(message, bytes)
      else this.#tooLarge(message.attributes['id']!, bytes)
    }
    this.#outbox.dispatch()
  }

  isWritable(): boolean {
    this.#throwFailure()
    this.#paused = !this.#hasRoom()
    return !this.#paused
  }

  async snapshot(): Promise<SinkSnapshot<never, never>> {
    this.#throwFailure()
    await Promise.race([this.#outbox.flushed(), this.#broken])
    return { writerStates: [], committables: [] }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#api.close()
  }

  #hasRoom(): boolean {
    return this.#outbox.open < this.#settings.maxBuffered && this.#outbox.openBytes < MAX_BUFFERED_BYTES
  }

  #resume(): void {
    this.#paused = false
    this.#wake()
  }

  #tooLarge(id: string, bytes: number): void {
    if (this.#settings.onOversized === 'drop') {
      this.#oversized.value++
      return
    }
    throw new EngineError('SNS_MESSAGE_TOO_LARGE', {
      kind: 'application',
      message: `Message ${JSON.stringify(id)} has ${bytes} bytes with its attributes; SNS takes ${MAX_REQUEST_BYTES}.`,
      hint: "Make the body shorter by the option 'message', or set onOversized to 'drop' to count and skip such records.",
      details: { topicArn: this.#settings.topicArn, bytes },
    })
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
