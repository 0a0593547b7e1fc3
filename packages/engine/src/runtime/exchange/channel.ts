import type { StreamElement } from './element.ts'

/** The sending end of a channel: one producer subtask to one consumer subtask. */
export interface ChannelWriter {
  /** Bytes written so far; undefined where elements are handed over as they are. */
  readonly bytes?: number
  /** Whether a batch may be written now. Control elements may always be written: they are few. */
  hasCredit(): boolean
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
}
