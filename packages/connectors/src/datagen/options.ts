import type { Random } from '@millrace/engine/spi'
import { checkOptions, type OptionCheck, type OptionChecks, optional, whole } from '../aws/check-options.ts'

/** Options of the `datagen` source. */
export interface DatagenOptions<T> {
  /**
   * Makes record number `index`, from 0. `random` begins anew for every record, from the seed and the index: a record
   * depends on nothing else, so it is the same when it is made again after a failure.
   */
  readonly generate: (index: number, random: Random) => T
  /** Records a second over all subtasks; as fast as they are taken unless set. */
  readonly recordsPerSecond?: number
  /** How many records; endless unless set. */
  readonly count?: number
  /** Split i of n makes the records i, i + n, …; as many as the parallelism of the first start unless set. */
  readonly splits?: number
  /** Event time of a record, epoch ms; none unless set. */
  readonly timestampOf?: (value: T) => number
  /** 0 unless set. */
  readonly seed?: number
}

/** `DatagenOptions` with every default in its place. */
export interface DatagenSettings<T> {
  readonly generate: (index: number, random: Random) => T
  readonly recordsPerSecond: number
  readonly count: number
  readonly splits: number | undefined
  readonly timestampOf: ((value: T) => number) | undefined
  readonly seed: number
}

const fn: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'must be a function')

const checks: OptionChecks<DatagenOptions<unknown>> = {
  generate: fn,
  recordsPerSecond: optional((value) =>
    typeof value === 'number' && value > 0 && Number.isFinite(value) ? undefined : 'must be a number above 0',
  ),
  count: optional(whole(0)),
  splits: optional(whole(1, 10_000)),
  timestampOf: optional(fn),
  seed: optional(whole(Number.MIN_SAFE_INTEGER)),
}

/** Checks the options and fills in the defaults. Throws `OPTION_UNKNOWN`, `OPTION_INVALID`. */
export function datagenSettings<T>(options: DatagenOptions<T>): DatagenSettings<T> {
  checkOptions('datagen source', options, checks)
  return {
    generate: options.generate,
    recordsPerSecond: options.recordsPerSecond ?? Number.POSITIVE_INFINITY,
    count: options.count ?? Number.POSITIVE_INFINITY,
    splits: options.splits,
    timestampOf: options.timestampOf,
    seed: options.seed ?? 0,
  }
}
