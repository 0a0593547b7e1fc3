import { type AwsOptions, awsOptionChecks, resolveEndpoint } from '../aws/aws-options.ts'
import { checkOptions, flag, optional, whole } from '../aws/check-options.ts'

/** Options of the `s3` file system. */
export interface S3Options extends Pick<AwsOptions, 'endpoint' | 'region' | 'credentials'> {
  /** Bucket names in the path and not in the host name. On with a custom endpoint, off with AWS, unless set. */
  readonly forcePathStyle?: boolean
  /** Bytes from which a part is uploaded; what is less stays in memory and in checkpoints. 5 MiB unless set, AWS's least. */
  readonly minPartSizeBytes?: number
  /** Parts that one open file uploads at the same time; 4 unless set. */
  readonly maxConcurrentUploads?: number
  /** Time of failures only after which a call is given up; 20 s unless set. */
  readonly unavailableAfterMs?: number
}

/** `S3Options` with every default in its place. */
export type S3Settings = S3Options & Required<Omit<S3Options, 'endpoint' | 'region' | 'credentials'>>

/** AWS refuses smaller parts, but for the last one. */
const MIN_PART_SIZE_BYTES = 5 * 1024 * 1024

/** @throws `OPTION_UNKNOWN`, `OPTION_INVALID` */
export function s3Settings(
  options: S3Options,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): S3Settings {
  const { endpoint, region, credentials } = awsOptionChecks
  checkOptions<S3Options>('s3 file system', options, {
    endpoint,
    region,
    credentials,
    forcePathStyle: optional(flag),
    minPartSizeBytes: optional(whole(1)),
    maxConcurrentUploads: optional(whole(1)),
    unavailableAfterMs: optional(whole(0)),
  })
  const custom = resolveEndpoint(options, 'S3', environment)
  return {
    ...options,
    forcePathStyle: options.forcePathStyle ?? custom !== undefined,
    minPartSizeBytes: options.minPartSizeBytes ?? MIN_PART_SIZE_BYTES,
    maxConcurrentUploads: options.maxConcurrentUploads ?? 4,
    unavailableAfterMs: options.unavailableAfterMs ?? 20_000,
  }
}
