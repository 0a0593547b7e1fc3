import type { ChannelReader, ChannelWriter } from './channel.ts'
import type { StreamElement } from './element.ts'
import { ElementQueue } from './element-queue.ts'

/** How much a channel holds before its sender has to wait, and whom it wakes. */
export interface LocalChannelSettings {
  /** Records in batches; control elements don't count. 4,096 unless set: eight full batches. */
  readonly records?: number
  readonly batches?: number
  /** Something was written. Called inside `write`: it should only take note, as should `onCredit`. */
  readonly onData?: () => void
  /** The sender, which had no credit, has some again. Called inside `poll` and `allow`. */
  readonly onCredit?: () => void
}

/** A channel whose ends live on one thread: elements are handed over as they are, in order. */
export function createLocalChannel(settings: LocalChannelSettings = {}): {
  readonly writer: ChannelWriter
  readonly reader: ChannelReader
} {
  const channel = new LocalChannel(settings)
  return { writer: channel, reader: channel }
}

class LocalChannel implements ChannelWriter, ChannelReader {
  readonly #queue = new ElementQueue<StreamElement>()
  readonly #recordLimit: number
  readonly #batchLimit: number
  readonly #onData: (() => void) | undefined
  readonly #onCredit: (() => void) | undefined
  allowedRecords: number
  #records = 0
  #batches = 0

  constructor({ records = 4096, batches = 64, onData, onCredit }: LocalChannelSettings) {
    this.#recordLimit = records
    this.allowedRecords = records
    this.#batchLimit = batches
    this.#onData = onData
    this.#onCredit = onCredit
  }

  hasCredit(): boolean {
    return this.#records < this.allowedRecords && this.#batches < this.#batchLimit
  }

  write(element: StreamElement): void {
    if (element.kind === 'batch') {
      this.#records += element.batch.length
      this.#batches++
    }
    this.#queue.push(element)
    this.#onData?.()
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
      if (!hadCredit && this.hasCredit()) this.#onCredit?.()
    }
    return element
  }

  allow(records: number): void {
    const hadCredit = this.hasCredit()
    this.allowedRecords = Math.min(records, this.#recordLimit)
    if (!hadCredit && this.hasCredit()) this.#onCredit?.()
  }
}
