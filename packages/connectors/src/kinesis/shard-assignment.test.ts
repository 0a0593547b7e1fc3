import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignUniformly, subtaskForNewSplit } from './shard-assignment.ts'
import type { KinesisSplit } from './splits.ts'

const keySpace = 2n ** 128n

function split(i: number, start: bigint): KinesisSplit {
  return {
    id: `shardId-${i}`,
    streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
    parentShardIds: [],
    startingHashKey: String(start),
    endingHashKey: String(start),
    position: { type: 'TRIM_HORIZON' },
    readUpToMs: null,
    finished: false,
  }
}

describe('assignment', () => {
  test('gives every split to one reader, as evenly as possible, in hash order', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.bigInt(0n, keySpace - 1n), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (starts, parallelism) => {
          const assigned = assignUniformly(
            starts.map((start, i) => split(i, start)),
            parallelism,
          )
          const counts = Array.from({ length: parallelism }, (_, subtask) => assigned.get(subtask)?.length ?? 0)
          expect(counts.reduce((a, b) => a + b, 0)).toBe(starts.length)
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
          const inOrder = [...assigned.keys()]
            .sort((a, b) => a - b)
            .flatMap((s) => assigned.get(s)!.map((x) => BigInt(x.startingHashKey)))
          expect(inOrder).toEqual([...starts].sort((a, b) => (a < b ? -1 : 1)))
        },
      ),
    ))

  test.each([
    { it: "its parent's reader while that has its share", loads: [1, 1], parents: [1], subtask: 1 },
    { it: 'the least loaded when the parent has more', loads: [0, 3], parents: [1], subtask: 0 },
    { it: 'the second parent when the first has more', loads: [3, 0, 0], parents: [0, 2], subtask: 2 },
    { it: 'the first of the least loaded without a parent', loads: [2, 1, 1], parents: [], subtask: 1 },
  ])('a new split goes to $it', ({ loads, parents, subtask }) => {
    expect(subtaskForNewSplit(loads, parents)).toBe(subtask)
  })
})
