import { MAX_TIMESTAMP, MIN_TIMESTAMP } from '../../spi/batch.ts'

/** Where a valve's merged time goes. */
export interface ValveOutput {
  /** Event time of the merged stream; grows with every call. */
  watermark(timestampMs: number): void
  /** No channel has anything to say about time (idle), or one has again. Alternates, starting from active. */
  status(idle: boolean): void
}

/**
 * Merges the watermarks of N channels into one: the minimum over the channels that count, emitted only when it grows.
 *
 * - An idle channel doesn't count, and its watermarks are ignored. Back from idle it is active at once, but counts only
 *   when its watermark has caught up with the output, which never goes back.
 * - When the last active channel goes idle and it held the output back, the maximum over all is emitted, then idle.
 * - A channel at `MAX_TIMESTAMP` is finished: it no longer counts, in whatever status it is, and the output reaches
 *   `MAX_TIMESTAMP` only when all are finished. (Flink emits its end as soon as all others are idle, and thereby makes
 *   late whatever they send afterwards.)
 *
 * Source: Flink 2.3, StatusWatermarkValve (rule TM-6).
 */
export class WatermarkValve {
  readonly #channels: ChannelTime[]
  readonly #output: ValveOutput
  #last = MIN_TIMESTAMP
  #idle = false

  constructor(channels: number, output: ValveOutput) {
    this.#channels = Array.from({ length: channels }, () => new ChannelTime())
    this.#output = output
  }

  /** The last watermark emitted, `MIN_TIMESTAMP` at the start. */
  get currentMs(): number {
    return this.#last
  }

  get idle(): boolean {
    return this.#idle
  }

  watermark(index: number, timestampMs: number): void {
    const channel = this.#channels[index] as ChannelTime
    if (timestampMs === MAX_TIMESTAMP) {
      this.#finish(channel)
      return
    }
    if (this.#idle || channel.idle || timestampMs <= channel.timestampMs) return
    channel.timestampMs = timestampMs
    if (timestampMs >= this.#last) channel.aligned = true
    this.#emitMinimum()
  }

  status(index: number, idle: boolean): void {
    const channel = this.#channels[index] as ChannelTime
    if (channel.finished || channel.idle === idle) return
    channel.idle = idle
    if (idle) {
      channel.aligned = false
      this.#released(channel)
      return
    }
    channel.aligned = channel.timestampMs >= this.#last
    if (this.#idle) {
      this.#idle = false
      this.#output.status(false)
    }
  }

  #finish(channel: ChannelTime): void {
    if (channel.finished) return
    channel.finished = true
    channel.aligned = false
    if (!this.#channels.every((c) => c.finished)) {
      if (!this.#idle) this.#released(channel)
      return
    }
    if (this.#idle) {
      this.#idle = false
      this.#output.status(false)
    }
    this.#emit(MAX_TIMESTAMP)
  }

  /** A channel stopped counting: time may go on without it, or there is nobody left to say what time it is. */
  #released(channel: ChannelTime): void {
    const held = channel.timestampMs === this.#last
    if (this.#channels.some((c) => !c.finished && !c.idle)) {
      if (held) this.#emitMinimum()
      return
    }
    if (held) this.#emit(this.#maximum())
    this.#idle = true
    this.#output.status(true)
  }

  #emitMinimum(): void {
    let minimum = MAX_TIMESTAMP
    for (const c of this.#channels) if (c.aligned && c.timestampMs < minimum) minimum = c.timestampMs
    if (minimum !== MAX_TIMESTAMP) this.#emit(minimum)
  }

  #maximum(): number {
    let maximum = MIN_TIMESTAMP
    for (const c of this.#channels) if (!c.finished && c.timestampMs > maximum) maximum = c.timestampMs
    return maximum
  }

  #emit(timestampMs: number): void {
    if (timestampMs <= this.#last) return
    this.#last = timestampMs
    this.#output.watermark(timestampMs)
  }
}

class ChannelTime {
  timestampMs = MIN_TIMESTAMP
  idle = false
  /** Counts for the minimum. */
  aligned = true
  finished = false
}
