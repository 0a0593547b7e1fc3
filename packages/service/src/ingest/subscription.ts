import type { Cancellable, Clock, Logger, Scheduler } from '@millrace/engine/spi'
import type { EventStream } from '../wire/event-stream.ts'
import { eventFrame, exceptionFrame } from '../wire/event-stream-frame.ts'
import { encodeJson } from '../wire/json-codec.ts'
import type { LogRecord } from './frame.ts'
import { describeRecord } from './record-description.ts'
import type { Shard } from './shard.ts'
import { TokenBucket } from './token-bucket.ts'

const maxSilenceMs = 5_000
/** Heartbeats fall on whole seconds: a subscriber of several shards wakes up once for those of all, and so does this process. */
const heartbeatGridMs = 1_000
const eventLimits = { maxRecords: 1_000, maxBytes: 1 << 20 }
const fanOutBytesPerSecond = 2 << 20

/**
 * One SubscribeToShard stream: pushes a shard's records from a position on, in order, as they become durable.
 *
 * An event goes out at once (empty at the tip), with every new batch, and after 4 to 5 s of silence. Nothing is read while
 * the client takes nothing (its flow-control window is full), so at most one event waits in memory. After `lifeMs` the
 * stream ends cleanly and the client comes back with the last continuation.
 */
export class Subscription {
  readonly #stream: EventStream
  readonly #shard: Shard
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #logger: Logger
  readonly #onEnd: () => void
  readonly #bytes: TokenBucket | undefined
  readonly #detach: () => void
  readonly #life: Cancellable
  #silence: Cancellable | undefined
  #position: number
  #last: LogRecord | undefined
  #isBlocked = false
  #isReading = false
  #ended = false

  /** `position`: index of the first record to send. `onEnd` is called once, however the stream ends. */
  constructor(
    stream: EventStream,
    shard: Shard,
    position: number,
    settings: { readonly lifeMs: number; readonly throttling: boolean },
    parts: { readonly clock: Clock; readonly scheduler: Scheduler; readonly logger: Logger },
    onEnd: () => void,
  ) {
    this.#stream = stream
    this.#shard = shard
    this.#position = position
    this.#clock = parts.clock
    this.#scheduler = parts.scheduler
    this.#logger = parts.logger
    this.#onEnd = onEnd
    this.#bytes = settings.throttling ? new TokenBucket(parts.clock, fanOutBytesPerSecond) : undefined
    this.#detach = shard.log.onDurable(() => this.#pump())
    this.#life = parts.scheduler.after(settings.lifeMs, () => this.end())
    stream.onDrain(() => {
      this.#isBlocked = false
      this.#pump()
    })
    stream.onClose(() => this.#stop())
    this.#pump()
    if (this.#silence === undefined && !this.#isReading) this.#send([], this.#position)
  }

  /** Ends the stream, after `lastFrame` if there is one. */
  end(lastFrame?: Buffer): void {
    this.#stop()
    this.#stream.end(lastFrame)
  }

  #pump(): void {
    while (!this.#ended && !this.#isBlocked && !this.#isReading && this.#position < this.#shard.log.tipIndex) {
      const debtMs = this.#bytes?.debtMs() ?? 0
      if (debtMs > 0) {
        this.#pause(debtMs)
        return
      }
      const tipIndex = this.#shard.log.tipIndex
      const records = this.#shard.log.read(this.#position, eventLimits)
      if (!Array.isArray(records)) {
        void this.#sendLater(records, tipIndex)
        return
      }
      this.#send(records, tipIndex)
    }
  }

  /** For whoever lags behind what is in memory. */
  async #sendLater(reading: Promise<LogRecord[]>, tipIndex: number): Promise<void> {
    this.#isReading = true
    try {
      const records = await reading
      this.#isReading = false
      if (!this.#ended) this.#send(records, tipIndex)
      this.#pump()
    } catch (error) {
      this.#isReading = false
      this.#logger.error('subscription failed', { shard: this.#shard.id, cause: String(error) })
      this.end(exceptionFrame('InternalFailureException', 'The records could not be read.'))
    }
  }

  #pause(delayMs: number): void {
    this.#isBlocked = true
    this.#scheduler.after(delayMs, () => {
      this.#isBlocked = false
      this.#pump()
    })
  }

  /** `tipIndex`: where the log ended before it was read; when nothing was found, that is how far we have come. */
  #send(records: readonly LogRecord[], tipIndex: number): void {
    const shard = this.#shard
    const last = records.at(-1)
    this.#last = last ?? this.#last
    this.#position = last === undefined ? Math.max(this.#position, tipIndex) : last.index + 1
    const event = {
      Records: records.map((record) => describeRecord(shard, record)),
      ContinuationSequenceNumber: shard.sequenceNumber(this.#position - 1, this.#last?.arrivalMs ?? 0),
      MillisBehindLatest: shard.millisBehind(this.#position, last, this.#clock.now()),
    }
    const frame = eventFrame('SubscribeToShardEvent', encodeJson(event))
    this.#bytes?.take(records.length === 0 ? 0 : frame.length * 0.75)
    if (!this.#stream.send(frame)) this.#isBlocked = true
    this.#awaitSilence()
  }

  #awaitSilence(): void {
    this.#silence?.cancel()
    const delayMs = maxSilenceMs - (this.#clock.now() % heartbeatGridMs)
    this.#silence = this.#scheduler.after(delayMs, () => this.#breakSilence())
  }

  #breakSilence(): void {
    if (this.#ended) return
    if (!this.#isBlocked && !this.#isReading && this.#position >= this.#shard.log.tipIndex)
      this.#send([], this.#position)
    else this.#awaitSilence()
  }

  #stop(): void {
    if (this.#ended) return
    this.#ended = true
    this.#detach()
    this.#life.cancel()
    this.#silence?.cancel()
    this.#onEnd()
  }
}
