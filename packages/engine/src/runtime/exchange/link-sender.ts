import { invariant } from '../../common/errors.ts'
import type { ChannelWriter } from './channel.ts'
import type { StreamElement } from './element.ts'
import { ElementEncoder } from './element-codec.ts'
import { ElementQueue } from './element-queue.ts'
import { type LinkMemory, type MappedLink, mapLink, wantsCredit, wantsRoom } from './link-memory.ts'
import { RingWriter } from './ring.ts'
import { WireWriter } from './wire-buffer.ts'

/**
 * The sending end of all channels from one thread to another. A frame goes into the ring at once; what doesn't fit waits
 * here and goes on by `pump`. What a channel may have under way is bounded by its credit, and the receiver always empties
 * the ring into its channels' queues: so a channel whose reader has stopped for a checkpoint holds up no other.
 */
export class LinkSender {
  readonly #link: MappedLink
  readonly #ring: RingWriter
  readonly #ringConsumerDoorbell: () => void
  readonly #channels = new Map<number, LinkWriter>()
  readonly #frame = new WireWriter()
  readonly #queue = new ElementQueue<Uint8Array>()
  /** Bytes of the queue's first frame that are in the ring already. */
  #begun = 0

  /** `ringConsumerDoorbell` wakes the receiving thread. */
  constructor(memory: LinkMemory, ringConsumerDoorbell: () => void) {
    this.#link = mapLink(memory)
    this.#ring = new RingWriter(this.#link.ring)
    this.#ringConsumerDoorbell = ringConsumerDoorbell
    this.#link.channelIds.forEach((id, index) => {
      this.#channels.set(
        id,
        new LinkWriter(this.#link, index, (encoder, element) => this.#send(index, encoder, element)),
      )
    })
  }

  /** The channel's only writer. */
  channel(id: number): ChannelWriter {
    const channel = this.#channels.get(id)
    invariant(channel !== undefined, 'a link has the channels it was made for', { id })
    return channel
  }

  /** Whether frames wait here for room in the ring; the receiver rings this thread when there is some. */
  hasQueued(): boolean {
    return this.#queue.length > 0
  }

  /** Moves waiting frames into the ring while there is room; true if any bytes moved. */
  pump(): boolean {
    if (this.#queue.length === 0) return false
    let moved = this.#move()
    if (this.#queue.length > 0) {
      // The flag first, then another look: room made in between would otherwise go unnoticed.
      Atomics.store(this.#link.wants, wantsRoom, 1)
      if (this.#move()) moved = true
    }
    this.#wakeReceiver()
    return moved
  }

  #move(): boolean {
    let moved = false
    for (let frame = this.#queue.peek(); frame !== undefined; frame = this.#queue.peek()) {
      const done = this.#ring.offer(frame, this.#begun)
      if (done > this.#begun) moved = true
      this.#begun = done
      if (done < frame.length) break
      this.#queue.poll()
      this.#begun = 0
    }
    return moved
  }

  /** Answers the bytes of the frame. */
  #send(channel: number, encoder: ElementEncoder, element: StreamElement): number {
    this.#frame.reset()
    encoder.encode(this.#frame, channel, element)
    const frame = this.#frame.view()
    if (this.#queue.length > 0) {
      this.#queue.push(new Uint8Array(frame))
      this.pump()
      return frame.length
    }
    const done = this.#ring.offer(frame)
    if (done < frame.length) {
      this.#queue.push(new Uint8Array(frame))
      this.#begun = done
      this.pump()
    }
    this.#wakeReceiver()
    return frame.length
  }

  #wakeReceiver(): void {
    if (this.#ring.takeReaderWaits()) this.#ringConsumerDoorbell()
  }
}

class LinkWriter implements ChannelWriter {
  readonly #link: MappedLink
  readonly #index: number
  readonly #send: (encoder: ElementEncoder, element: StreamElement) => number
  readonly #encoder = new ElementEncoder()
  bytes = 0
  /** Bytes written; wraps as the reader's counter does. */
  #sent = 0

  constructor(link: MappedLink, index: number, send: (encoder: ElementEncoder, element: StreamElement) => number) {
    this.#link = link
    this.#index = index
    this.#send = send
  }

  hasCredit(): boolean {
    if (this.#underWay() < this.#allowedBytes()) return true
    Atomics.store(this.#link.wants, wantsCredit, 1)
    return this.#underWay() < this.#allowedBytes()
  }

  get allowedRecords(): number {
    return Atomics.load(this.#link.allowedRecords, this.#index)
  }

  write(element: StreamElement): void {
    const bytes = this.#send(this.#encoder, element)
    this.bytes += bytes
    this.#sent = (this.#sent + bytes) | 0
  }

  #allowedBytes(): number {
    return Atomics.load(this.#link.allowedBytes, this.#index)
  }

  #underWay(): number {
    return (this.#sent - Atomics.load(this.#link.consumed, this.#index)) | 0
  }
}
