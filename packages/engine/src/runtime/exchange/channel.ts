import type { StreamElement } from './element.ts'

/** The sending end of a channel: one producer subtask to one consumer subtask. */
export interface ChannelWriter {
  /** Bytes written so far; undefined where elements are handed over as they are. */
  readonly bytes?: number
  /** Whether a batch may be written now. Control elements may always be written: they are few. */
  hasCredit(): boolean
  /** How many records the reader lets wait. */
  readonly allowedRecords: number
  /** Appends in order. Batches only while `hasCredit`; overshooting by the outputs of one input batch is tolerated. */
  write(element: StreamElement): void
}

/** The receiving end of a channel. */
export interface ChannelReader {
  /** Bytes read so far; undefined where elements are handed over as they are. */
  readonly bytes?: number
  /** The next element without taking it. */
  peek(): StreamElement | undefined
  /** Takes the next element and gives its credit back. */
  poll(): StreamElement | undefined
  /** How many records may wait from now on, at least 1; never more than the channel was made for. */
  allow(records: number): void
}
