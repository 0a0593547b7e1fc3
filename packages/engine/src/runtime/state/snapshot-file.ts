/** The file that a subtask writes for a checkpoint, and what becomes of its lists at another parallelism. */
export { redistribute } from './redistribute.ts'
export { readSnapshotFile, type SnapshotContents } from './snapshot-file-reader.ts'
export { SnapshotFileWriter } from './snapshot-file-writer.ts'
