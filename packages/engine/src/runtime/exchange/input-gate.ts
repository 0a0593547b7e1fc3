import type { Clock } from '../../common/clock.ts'
import { assertNever } from '../../common/errors.ts'
import type { Batch } from '../../spi/batch.ts'
import { WatermarkValve } from '../time/watermark-valve.ts'
import { AtLeastOnceAligner } from './at-least-once-aligner.ts'
import type { AlignerOutput, BarrierAligner } from './barrier-aligner.ts'
import type { ChannelReader } from './channel.ts'
import type { Barrier, StreamElement } from './element.ts'
import { ElementQueue } from './element-queue.ts'
import { ExactlyOnceAligner } from './exactly-once-aligner.ts'

/** What a task has to act on next, in this order. */
export type GateEvent =
  | { readonly kind: 'batch'; readonly input: number; readonly batch: Batch<unknown> }
  /** The event time of the whole input. */
  | { readonly kind: 'watermark'; readonly input: number; readonly timestampMs: number }
  /** The whole input went idle or became active again. */
  | { readonly kind: 'status'; readonly input: number; readonly idle: boolean }
  /** Every channel has reached the barrier: snapshot, and pass it on. `startDelayMs` counts from its trigger. */
  | { readonly kind: 'barrier'; readonly barrier: Barrier; readonly alignmentMs: number; readonly startDelayMs: number }
  /** The checkpoint was cancelled upstream or overtaken by a later one: pass the marker on, report it. */
  | { readonly kind: 'cancel'; readonly checkpointId: number }
  /** Every channel has ended. No batch follows; barriers still do. Comes once. */
  | { readonly kind: 'end' }

export type GateMode = 'exactly-once' | 'at-least-once'

export interface InputGateSettings {
  /** All channels into the task; `input` says which of the operator's inputs a channel belongs to, from 0. */
  readonly channels: readonly { readonly reader: ChannelReader; readonly input: number }[]
  readonly mode: GateMode
  readonly clock: Clock
}

/**
 * Reads the channels of a task in turn, one element each, merges their watermarks input by input and aligns barriers.
 * Within a channel the order is kept; between channels there is none.
 */
export class InputGate {
  readonly #channels: readonly GateChannel[]
  readonly #valves: readonly WatermarkValve[]
  readonly #aligner: BarrierAligner
  /** What an element brought about beyond the event `poll` returns at once. */
  readonly #events = new ElementQueue<GateEvent>()
  #next = 0
  #open: number

  constructor(settings: InputGateSettings) {
    const sizes: number[] = []
    this.#channels = settings.channels.map(({ reader, input }) => {
      const position = sizes[input] ?? 0
      sizes[input] = position + 1
      return { reader, input, position, ended: false }
    })
    this.#valves = Array.from(sizes, (size, input) => this.#createValve(input, size ?? 0))
    this.#aligner = this.#createAligner(settings)
    this.#open = settings.channels.length
  }

  /** The next event, `undefined` when no channel that may be read has anything. Never waits. */
  poll(): GateEvent | undefined {
    const count = this.#channels.length
    for (let looked = 0; looked < count && this.#events.length === 0; ) {
      const index = this.#next
      this.#next = index + 1 === count ? 0 : index + 1
      const element = this.#aligner.isBlocked(index) ? undefined : this.#channels[index]?.reader.poll()
      if (element === undefined) {
        looked++
        continue
      }
      if (element.kind === 'batch') return { kind: 'batch', input: this.#inputOf(index), batch: element.batch }
      looked = 0
      this.#take(index, element)
    }
    return this.#events.poll()
  }

  /** How many records may wait before the task, in all its channels together. */
  allow(records: number): void {
    const perChannel = Math.ceil(records / Math.max(this.#open, 1))
    for (const { reader } of this.#channels) reader.allow(perChannel)
  }

  /** Bytes read from channels that come from other threads. */
  get bytes(): number {
    let bytes = 0
    for (const { reader } of this.#channels) bytes += reader.bytes ?? 0
    return bytes
  }

  /** Whether a channel is held back for a checkpoint. */
  isAligning(): boolean {
    return this.#channels.some((_, index) => this.#aligner.isBlocked(index))
  }

  /** The coordinator gave the checkpoint up: reads its channels again and ignores what still comes of it. */
  abort(checkpointId: number): void {
    this.#aligner.abort(checkpointId)
  }

  #inputOf(index: number): number {
    return (this.#channels[index] as GateChannel).input
  }

  #take(index: number, element: Exclude<StreamElement, { kind: 'batch' }>): void {
    const channel = this.#channels[index] as GateChannel
    switch (element.kind) {
      case 'watermark':
        this.#valves[channel.input]?.watermark(channel.position, element.timestampMs)
        return
      case 'status':
        this.#valves[channel.input]?.status(channel.position, element.idle)
        return
      case 'barrier':
        this.#aligner.barrier(index, element.barrier)
        return
      case 'cancel':
        this.#aligner.cancel(index, element.checkpointId)
        return
      case 'end':
        this.#end(index, channel)
        return
      default:
        assertNever(element)
    }
  }

  #end(index: number, channel: GateChannel): void {
    if (channel.ended) return
    channel.ended = true
    this.#open--
    this.#aligner.end(index)
    if (this.#open === 0) this.#events.push({ kind: 'end' })
  }

  #createValve(input: number, channels: number): WatermarkValve {
    return new WatermarkValve(channels, {
      watermark: (timestampMs) => this.#events.push({ kind: 'watermark', input, timestampMs }),
      status: (idle) => this.#events.push({ kind: 'status', input, idle }),
    })
  }

  #createAligner({ channels, mode, clock }: InputGateSettings): BarrierAligner {
    const output: AlignerOutput = {
      barrier: (barrier, alignmentMs, startDelayMs) =>
        this.#events.push({ kind: 'barrier', barrier, alignmentMs, startDelayMs }),
      cancel: (checkpointId) => this.#events.push({ kind: 'cancel', checkpointId }),
    }
    return mode === 'exactly-once'
      ? new ExactlyOnceAligner(channels.length, clock, output)
      : new AtLeastOnceAligner(channels.length, clock, output)
  }
}

interface GateChannel {
  readonly reader: ChannelReader
  readonly input: number
  /** Index among the channels of its input. */
  readonly position: number
  ended: boolean
}
