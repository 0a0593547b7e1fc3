import type { Source } from '@millrace/engine/spi'
import { DatagenEnumerator } from './enumerator.ts'
import { type DatagenOptions, datagenSettings } from './options.ts'
import { DatagenReader } from './reader.ts'
import type { DatagenEnumeratorState, DatagenSplit } from './splits.ts'

/**
 * Records out of nothing: for trying things out, and for load. Bounded when `count` is given.
 *
 * Every record is a function of seed and index, and a split's position is its next index, so the output after a failure
 * is what it would have been without. Restored at another parallelism the splits are dealt out anew.
 */
export function datagen<T>(options: DatagenOptions<T>): Source<T, DatagenSplit, DatagenEnumeratorState> {
  const settings = datagenSettings(options)
  return {
    name: 'datagen',
    boundedness: settings.count === Number.POSITIVE_INFINITY ? 'unbounded' : 'bounded',
    reassignSplitsOnRestore: true,
    createEnumerator: (context, restored) => new DatagenEnumerator(context, settings.splits, restored),
    createReader: (context) => new DatagenReader(context, settings),
  }
}
