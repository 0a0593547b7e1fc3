import type { Sink, SinkCommitter, SubtaskContext } from '@millrace/engine/spi'
import { FilesWriter } from './files-writer.ts'
import { removeCopies } from './leftovers.ts'
import { type FilesOptions, filesSettings } from './options.ts'
import type { FilesCommittable, FilesWriterState } from './writer-state.ts'

const COMMITS_AT_A_TIME = 8

/**
 * Writes records as lines of files, exactly once.
 *
 * Files appear complete, by their final name, when the checkpoint that covers them is complete; readers ignore names that
 * begin with `.` or `_`. A file isn't touched after it appeared. Names: `<path>/<bucket>/part-<uuid>-<counter>.jsonl`.
 *
 * Errors: `OPTION_UNKNOWN`, `OPTION_INVALID`; while running `BUCKET_INVALID` and those of `FileSystem`.
 */
export function files<T>(options: FilesOptions<T>): Sink<T, FilesWriterState, FilesCommittable> {
  const settings = filesSettings(options)
  return {
    name: `files ${settings.path}`,
    guarantee: 'exactly-once',
    createWriter: (context, restored) => new FilesWriter(settings, context, restored),
    createCommitter: (context) => filesCommitter(context, settings.path),
  }
}

function filesCommitter(context: SubtaskContext, path: string): SinkCommitter<FilesCommittable> {
  return {
    async commit(committables) {
      const waiting = committables.values()
      // Each lane takes the next one from the shared iterator.
      const lane = async () => {
        for (const { file } of waiting) await context.fileSystem(file.targetPath).commitFile(file)
      }
      await Promise.all(Array.from({ length: COMMITS_AT_A_TIME }, lane))
      const copied = committables.filter((committable) => committable.copied)
      await removeCopies(context, path, new Set(copied.map(({ file }) => file.targetPath)))
    },
    close: async () => {},
  }
}
