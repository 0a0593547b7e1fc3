import { invariant } from '../../common/errors.ts'
import type { ChannelReader } from './channel.ts'
import type { StreamElement } from './element.ts'
import { ElementDecoder } from './element-codec.ts'
import { ElementQueue } from './element-queue.ts'
import { type LinkMemory, type MappedLink, mapLink, wantsCredit, wantsRoom } from './link-memory.ts'
import { RingReader } from './ring.ts'
import { WireReader } from './wire-buffer.ts'

/** Of a record in a frame, before one has been read. */
const guessedRecordBytes = 64

/** The receiving end of all channels from one thread to another. Frames wait as bytes and are decoded when read. */
export class LinkReceiver {
  readonly #link: MappedLink
  readonly #ring: RingReader
  readonly #ringProducerDoorbell: () => void
  readonly #channels: readonly LinkReader[]
  readonly #deliver = (frame: Uint8Array): void => {
    const index = new Int32Array(frame.buffer, 0, 1)[0] as number
    ;(this.#channels[index] as LinkReader).push(frame)
  }

  /** `ringProducerDoorbell` wakes the sending thread. */
  constructor(memory: LinkMemory, ringProducerDoorbell: () => void) {
    this.#link = mapLink(memory)
    this.#ring = new RingReader(this.#link.ring)
    this.#ringProducerDoorbell = ringProducerDoorbell
    this.#channels = this.#link.channelIds.map(
      (_, index) => new LinkReader(this.#link, index, () => this.#wakeSender(wantsCredit)),
    )
  }

  /** The channel's only reader. */
  channel(id: number): ChannelReader {
    const channel = this.#channels[this.#link.channelIds.indexOf(id)]
    invariant(channel !== undefined, 'a link has the channels it was made for', { id })
    return channel
  }

  /** Empties the ring into the channels' queues; true if anything came. A thread may sleep only after this was false. */
  pump(): boolean {
    const came = this.#ring.drain(this.#deliver)
    if (came) this.#wakeSender(wantsRoom)
    return came
  }

  #wakeSender(what: number): void {
    if (Atomics.load(this.#link.wants, what) === 0) return
    Atomics.store(this.#link.wants, what, 0)
    this.#ringProducerDoorbell()
  }
}

class LinkReader implements ChannelReader {
  readonly #link: MappedLink
  readonly #index: number
  readonly #onCredit: () => void
  readonly #decoder = new ElementDecoder()
  readonly #frames = new ElementQueue<Uint8Array>()
  /** The first frame as an element, once somebody looked. */
  #first: StreamElement | undefined
  #queuedBytes = 0
  #allowedBytes: number
  /** Of the batches read so far. */
  #records = 0
  bytes = 0
  /** Wraps as the sender's counter does. */
  #consumed = 0

  constructor(link: MappedLink, index: number, onCredit: () => void) {
    this.#link = link
    this.#index = index
    this.#onCredit = onCredit
    this.#allowedBytes = link.creditBytes
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame)
    this.#queuedBytes += frame.length
  }

  peek(): StreamElement | undefined {
    const frame = this.#frames.peek()
    if (frame === undefined) return undefined
    this.#first ??= this.#decoder.decode(new WireReader(frame))
    return this.#first
  }

  poll(): StreamElement | undefined {
    const element = this.peek()
    if (element === undefined) return undefined
    const { length } = this.#frames.poll() as Uint8Array
    this.#first = undefined
    this.#queuedBytes -= length
    this.bytes += length
    if (element.kind === 'batch') this.#records += element.batch.length
    this.#consumed = (this.#consumed + length) | 0
    Atomics.store(this.#link.consumed, this.#index, this.#consumed)
    this.#giveCredit()
    return element
  }

  allow(records: number): void {
    const recordBytes = this.#records === 0 ? guessedRecordBytes : this.bytes / this.#records
    this.#allowedBytes = Math.min(Math.ceil(records * recordBytes), this.#link.creditBytes)
    Atomics.store(this.#link.allowedBytes, this.#index, this.#allowedBytes)
    Atomics.store(this.#link.allowedRecords, this.#index, records)
    this.#giveCredit()
  }

  /** A sender that waits is woken once there is room for some batches, not for each. */
  #giveCredit(): void {
    if (this.#queuedBytes * 2 <= this.#allowedBytes) this.#onCredit()
  }
}
