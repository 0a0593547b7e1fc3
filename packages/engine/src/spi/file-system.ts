/** A file as `list` shows it. */
export interface FileInfo {
  /** Full path in the file system's own form (`/data/x`, `s3://bucket/x`). */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** Progress of a file that is still open, as plain data for a checkpoint. */
export interface PersistedFile {
  /** The path the file will have once committed. */
  readonly targetPath: string
  /** Bytes that are durable. */
  readonly lengthBytes: number
  /** The file system's own facts (temporary path; upload id and parts). */
  readonly token: Readonly<Record<string, unknown>>
}

/** A file that is complete and durable but not visible yet, as plain data for a checkpoint. */
export interface PendingFile {
  readonly targetPath: string
  readonly lengthBytes: number
  readonly token: Readonly<Record<string, unknown>>
}

/** A file being written that becomes visible only by `commitFile`. Calls don't overlap, except `write` while a `persist` is under way. */
export interface RecoverableFile {
  readonly targetPath: string
  /** Bytes handed to `write` so far. */
  readonly lengthBytes: number
  /** Bytes accepted but not yet handed to the storage: the measure for back-pressure. */
  readonly bufferedBytes: number
  /** Appends; the array is the file's from now on. A failed background write is thrown by the next call. */
  write(bytes: Uint8Array): void
  /** Resolves when what was written before the call is durable; bytes written meanwhile are not part of it. */
  persist(): Promise<PersistedFile>
  /** Ends the file. Resolves when all of it is durable; it becomes visible by `commitFile`. */
  close(): Promise<PendingFile>
  /** Gives the file up and removes what can be removed. */
  discard(): Promise<void>
}

/**
 * Files by path, on any storage. What has returned is durable: a crash right after doesn't undo it.
 * Errors are `EngineError`s: `FILE_NOT_FOUND` (invalid), `STORAGE_FULL` and `STORAGE_FAILED` (unavailable).
 */
export interface FileSystem {
  /** `file`, `s3`, `memory`. */
  readonly scheme: string
  read(path: string): Promise<Uint8Array>
  /** Writes the whole file, replacing an older one atomically. Makes missing folders. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Writes the whole file unless one is there: exactly one of several callers gets `true`. The fence of checkpoints. */
  createExclusive(path: string, bytes: Uint8Array): Promise<boolean>
  /** Files below a folder (recursive), sorted by path; empty when there is no such folder. */
  list(folder: string): Promise<readonly FileInfo[]>
  /** Removes a file or a folder with all in it; missing ones are fine. */
  delete(path: string): Promise<void>
  openFile(targetPath: string): Promise<RecoverableFile>
  /** Makes a pending file of the durable bytes of one that another writer left open; that one is never reopened. Repeatable. */
  recoverFile(file: PersistedFile): Promise<PendingFile>
  /** Makes a pending file visible under its target path. Idempotent: already committed is success. */
  commitFile(file: PendingFile): Promise<void>
  /**
   * Removes what crashed writers left under a folder (temporary files, open uploads) that was last changed more than
   * `olderThanMs` ago and isn't named by `keep`. Returns how many. `mayRemove` is asked with the path the file would
   * have got: several writers share a folder, and none knows what the checkpoints of the others name.
   */
  removeOrphans(
    folder: string,
    keep: readonly (PersistedFile | PendingFile)[],
    olderThanMs: number,
    mayRemove?: (targetPath: string) => boolean,
  ): Promise<number>
}
