import { MIN_TIMESTAMP } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import { eventTimeBuckets } from './bucket-assigner.ts'

const noon = Date.UTC(2026, 0, 31, 12, 34, 56)

test.each([
  [{}, '2026-01-31--12', Date.UTC(2026, 0, 31, 13)],
  [{ sizeMs: 10_000, pattern: 'yyyyMMdd/HH-mm-ss' }, '20260131/12-34-50', Date.UTC(2026, 0, 31, 12, 35)],
  [{ sizeMs: 86_400_000, pattern: "'day='yyyy-MM-dd" }, 'day=2026-01-31', Date.UTC(2026, 1, 1)],
])('%o', (options, bucket, endMs) => {
  const buckets = eventTimeBuckets(options)
  expect(buckets.bucketOf(undefined, noon)).toBe(bucket)
  expect(buckets.endMs?.(noon)).toBe(endMs)
})

test('neighbours, jumps back and times before 1970 go to their own bucket', () => {
  const buckets = eventTimeBuckets({ sizeMs: 1000, pattern: 'yyyy-ss' })
  const bucketsOf = [0, 999, 1000, 999, -1].map((ms) => buckets.bucketOf(undefined, ms))
  expect(bucketsOf).toEqual(['1970-00', '1970-00', '1970-01', '1970-00', '1969-59'])
})

test('a record without event time is an error that says what to do', () => {
  const missing = expect.objectContaining({ code: 'TIMESTAMP_MISSING', kind: 'application' })
  expect(() => eventTimeBuckets().bucketOf(undefined, MIN_TIMESTAMP)).toThrow(missing)
})

test.each([{ sizeMs: 0 }, { sizeMs: 1.5 }, { pattern: 'yyyy-QQ' }, { pattern: '' }, { pattern: "'open" }])(
  'refuses %o',
  (options) => {
    expect(() => eventTimeBuckets(options)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  },
)
