import { expect, test } from 'vitest'
import { locationOf } from './snapshots.ts'

const bucket = 'arn:aws:s3:::backup'

test.each([
  { KeyPrefix: 'a/b/', expected: 's3://backup/a/b' },
  { KeyPrefix: '/', expected: 's3://backup' },
  { KeyPrefix: 'a..b/...', expected: 's3://backup/a..b/...' },
])('a snapshot lies at $expected', ({ KeyPrefix, expected }) => {
  expect(locationOf({ BucketARN: bucket, KeyPrefix })).toBe(expected)
})

test.each([
  { BucketARN: 'file:///etc', KeyPrefix: 'x' },
  { BucketARN: 'arn:file:///etc', KeyPrefix: 'x' },
  { BucketARN: 'arn:aws:s3:::', KeyPrefix: '/etc' },
  { BucketARN: 'arn:aws:s3:::backup/../other', KeyPrefix: 'x' },
  { BucketARN: 'arn:aws:s3:::..', KeyPrefix: 'x' },
  { BucketARN: bucket, KeyPrefix: '../other' },
  { BucketARN: bucket, KeyPrefix: 'a/../../other' },
  { BucketARN: bucket, KeyPrefix: 'a\\..\\b' },
  { BucketARN: bucket, KeyPrefix: './a' },
  { BucketARN: bucket, KeyPrefix: 'a\0b' },
])('$BucketARN, $KeyPrefix is refused', (prefix) => {
  expect(() => locationOf(prefix)).toThrow(expect.objectContaining({ type: 'InvalidArgumentException' }))
})
