import type { Encoder } from '@millrace/engine/spi'
import { checkOptions, type OptionCheck, optional, text, whole } from '../aws/check-options.ts'
import type { BucketAssigner } from './bucket-assigner.ts'

/** When an open part is closed. Whichever comes first; all are also looked at when a checkpoint begins. */
export interface RollingOptions {
  /** Bytes from which the next record goes to a new part; 128 MiB unless set. */
  readonly sizeBytes?: number
  /** Time a part may stay open; 60 s unless set. */
  readonly openMs?: number
  /** Time a part may stay open without a record; 60 s unless set. */
  readonly idleMs?: number
}

/** Options of the `files` sink. */
export interface FilesOptions<T> {
  /** Folder of the output, on any file system: `/data/out`, `file:///data/out`, `s3://bucket/out`. */
  readonly path: string
  /** Makes one line of a record, without the newline. */
  readonly format: Encoder<T>
  /** The folder below `path` a record goes to; `path` itself unless set. */
  readonly bucket?: ((value: T, timestampMs: number) => string) | BucketAssigner<T>
  readonly rolling?: RollingOptions
  /** Begins the parts' names; `part` unless set. */
  readonly partPrefix?: string
  /** Ends the parts' names; `.jsonl` unless set. */
  readonly partSuffix?: string
  /** Parts a subtask keeps open at most, the least recently written is closed for another; 100 unless set. */
  readonly maxOpenParts?: number
  /** Bytes a subtask holds in memory before it pauses; 16 MiB unless set. */
  readonly maxBufferedBytes?: number
}

/** `FilesOptions` with every default in its place. */
export interface FilesSettings<T> {
  readonly path: string
  readonly format: Encoder<T>
  readonly bucket: BucketAssigner<T>
  readonly rolling: Required<RollingOptions>
  readonly partPrefix: string
  readonly partSuffix: string
  readonly maxOpenParts: number
  readonly maxBufferedBytes: number
}

const DAY_MS = 86_400_000

/** @throws `OPTION_UNKNOWN`, `OPTION_INVALID` */
export function filesSettings<T>(options: FilesOptions<T>): FilesSettings<T> {
  checkOptions<FilesOptions<T>>('files sink', options, {
    path: text,
    format: having('encode'),
    bucket: optional((value) => (typeof value === 'function' ? undefined : having('bucketOf')(value, 'bucket'))),
    rolling: optional((value, path) =>
      checkOptions<RollingOptions>(path, value, {
        sizeBytes: optional(whole(1)),
        openMs: optional(whole(1, 365 * DAY_MS)),
        idleMs: optional(whole(1, 365 * DAY_MS)),
      }),
    ),
    partPrefix: optional(partName),
    partSuffix: optional(partName),
    maxOpenParts: optional(whole(1)),
    maxBufferedBytes: optional(whole(1)),
  })
  const { sizeBytes = 128 * 1024 * 1024, openMs = 60_000, idleMs = 60_000 } = options.rolling ?? {}
  const { bucket = () => '' } = options
  return {
    path: options.path.replace(/\/+$/, ''),
    format: options.format,
    bucket: typeof bucket === 'function' ? { bucketOf: bucket } : bucket,
    rolling: { sizeBytes, openMs, idleMs },
    partPrefix: options.partPrefix ?? 'part',
    partSuffix: options.partSuffix ?? '.jsonl',
    maxOpenParts: options.maxOpenParts ?? 100,
    maxBufferedBytes: options.maxBufferedBytes ?? 16 * 1024 * 1024,
  }
}

const having =
  (method: string): OptionCheck =>
  (value) =>
    typeof (value as Record<string, unknown> | null | undefined)?.[method] === 'function'
      ? undefined
      : `must have a method '${method}'`

const partName: OptionCheck = (value) =>
  typeof value === 'string' && !/[/\0]/.test(value) && !value.startsWith('_')
    ? undefined
    : "must be text without '/' that doesn't begin with '_'"
