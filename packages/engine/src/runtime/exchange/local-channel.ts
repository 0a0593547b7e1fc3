import type { ChannelReader, ChannelWriter } from './channel.ts'
import type { StreamElement } from './element.ts'
import { ElementQueue } from './element-queue.ts'

/** How much a channel holds before its sender has to wait. Control elements don't count. */
export interface LocalChannelLimits {
  readonly records: number
  readonly batches: number
}

/** Calls that wake the other side. Both run inside `write` and `poll`: they should only take note. */
export interface ChannelListeners {
  /** Something was written. */
  readonly onData?: () => void
  /** The sender, which had no credit, has some again. */
  readonly onCredit?: () => void
}

/** 4,096 records: eight full batches, or 80 ms of 50,000 records a second. */
export const defaultLocalChannelLimits: LocalChannelLimits = { records: 4096, batches: 64 }

/** A channel whose ends live on one thread: elements are handed over as they are, in order. */
export function createLocalChannel(
  limits: LocalChannelLimits = defaultLocalChannelLimits,
  listeners: ChannelListeners = {},
): { readonly writer: ChannelWriter; readonly reader: ChannelReader } {
  const channel = new LocalChannel(limits, listeners)
  return { writer: channel, reader: channel }
}

class LocalChannel implements ChannelWriter, ChannelReader {
  readonly #queue = new ElementQueue<StreamElement>()
  readonly #limits: LocalChannelLimits
  readonly #listeners: ChannelListeners
  #records = 0
  #batches = 0

  constructor(limits: LocalChannelLimits, listeners: ChannelListeners) {
    this.#limits = limits
    this.#listeners = listeners
  }

  hasCredit(): boolean {
    return this.#records < this.#limits.records && this.#batches < this.#limits.batches
  }

  write(element: StreamElement): void {
    if (element.kind === 'batch') {
      this.#records += element.batch.length
      this.#batches++
    }
    this.#queue.push(element)
    this.#listeners.onData?.()
  }

  peek(): StreamElement | undefined {
    return this.#queue.peek()
  }

  poll(): StreamElement | undefined {
    const element = this.#queue.poll()
    if (element?.kind === 'batch') {
      const hadCredit = this.hasCredit()
      this.#records -= element.batch.length
      this.#batches--
      if (!hadCredit && this.hasCredit()) this.#listeners.onCredit?.()
    }
    return element
  }
}
