import { invalidArgument } from '../wire/api-error.ts'

/** The name of the bucket that an ARN names. Errors: `InvalidArgumentException`. */
export function bucketOf(bucketArn: string): string {
  const bucket = /^arn:[\w-]+:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$/.exec(bucketArn)?.[1]
  if (bucket === undefined) throw invalidArgument(`BucketARN '${bucketArn.slice(0, 200)}' is not that of a bucket.`)
  return bucket
}

/**
 * A key, or a part of one, that no server, proxy or library on its way takes for a path out of its bucket.
 * Errors: `InvalidArgumentException`.
 */
export function safeKey(key: string): string {
  const leadsOut = key.split(/[/\\]/).some((part) => part === '.' || part === '..')
  const hasControl = [...key].some((character) => character < ' ' || character === '\x7f')
  if (!leadsOut && !hasControl) return key
  throw invalidArgument(
    `Key ${JSON.stringify(key.slice(0, 200))} must not have '.' or '..' as a part, or control characters.`,
  )
}
