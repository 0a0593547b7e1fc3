import type { PendingFile, PersistedFile } from '@millrace/engine/spi'

/** A part that was open at a snapshot: finished after a restore, never continued. */
export interface OpenPart {
  readonly bucket: string
  readonly file: PersistedFile
}

/**
 * Names of an earlier writer's parts that no checkpoint names: it opened those with this counter or a higher one after the
 * snapshot that was restored.
 */
export interface EarlierWriter {
  readonly writerId: string
  readonly nextCounter: number
  /** When the writer's state was restored by another, epoch ms. */
  readonly retiredMs: number
}

/** What one writer of the `files` sink keeps in a checkpoint. */
export interface FilesWriterState {
  readonly writerId: string
  readonly nextCounter: number
  readonly open: readonly OpenPart[]
  /** Earlier writers whose leftovers haven't been swept yet. */
  readonly earlier: readonly EarlierWriter[]
}

/** A complete part that becomes visible when its checkpoint is complete. */
export interface FilesCommittable {
  readonly file: PendingFile
  /** A copy of a part that was open at a restore: other attempts may have left copies of it too. */
  readonly copied: boolean
}
