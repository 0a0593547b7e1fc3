import type { Batch } from '../../spi/batch.ts'

export type CheckpointKind = 'checkpoint' | 'savepoint'

/** Marks the border between two checkpoints in a channel: what came before it belongs to `checkpointId`. */
export interface Barrier {
  readonly checkpointId: number
  readonly kind: CheckpointKind
  /** Epoch ms of the trigger. */
  readonly timestampMs: number
  /** The job stops once this one is complete: `drain` after ending its input, `suspend` as it stands. */
  readonly stop: 'none' | 'drain' | 'suspend'
}

/** All that travels in a channel, in order: nothing overtakes anything. */
export type StreamElement =
  | { readonly kind: 'batch'; readonly batch: Batch<unknown> }
  /** No record with timestamp ≤ `timestampMs` is expected any more. */
  | { readonly kind: 'watermark'; readonly timestampMs: number }
  /** The sender has nothing to say about time for now (idle), or again has (active). */
  | { readonly kind: 'status'; readonly idle: boolean }
  | { readonly kind: 'barrier'; readonly barrier: Barrier }
  /** The checkpoint was given up: release a channel that waits for it. */
  | { readonly kind: 'cancel'; readonly checkpointId: number }
  /** No further record will come (after a watermark of `MAX_TIMESTAMP`); barriers still do. */
  | { readonly kind: 'end' }
