import { EngineError } from '@millrace/engine/spi'

/** A bucket and a key in it; the key is `''` for the bucket itself. */
export interface S3Location {
  readonly bucket: string
  readonly key: string
}

/**
 * Takes `s3://bucket/key` apart. A trailing slash says nothing: `s3://b/out/` is `s3://b/out`.
 *
 * @throws `S3_PATH_INVALID`
 */
export function parseS3Path(path: string): S3Location {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/is.exec(path)
  if (match !== null) return { bucket: match[1] as string, key: (match[2] ?? '').replace(/\/+$/, '') }
  throw new EngineError('S3_PATH_INVALID', {
    kind: 'invalid',
    message: `'${path}' isn't an S3 path.`,
    hint: 'Use s3://bucket/key.',
    details: { path },
  })
}

export function s3Path(bucket: string, key: string): string {
  return `s3://${bucket}/${key}`
}

/** What every key below a folder begins with. */
export function folderPrefix(key: string): string {
  return key === '' ? '' : `${key}/`
}
