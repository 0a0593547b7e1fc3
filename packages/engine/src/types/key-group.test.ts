import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeKey, keyHash } from './key.ts'
import { checkMaxParallelism, keyGroupForKey, keyGroupOf, keyGroupRange, subtaskForKeyGroup } from './key-group.ts'

test('ranges divide the key groups without gap or overlap, and agree with the subtask of a group', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.nat(), (maxParallelism, seed) => {
      const parallelism = 1 + (seed % maxParallelism)
      let next = 0
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const { start, end } = keyGroupRange(subtask, parallelism, maxParallelism)
        expect(start).toBe(next)
        for (let group = start; group <= end; group++) {
          expect(subtaskForKeyGroup(group, parallelism, maxParallelism)).toBe(subtask)
        }
        next = end + 1
      }
      expect(next).toBe(maxParallelism)
    }),
    { numRuns: 50 },
  )
})

test('the group of a key is the group of the hash of its bytes', () => {
  const keys = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.bigInt(), fc.tuple(fc.string(), fc.integer()))
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 32768 }), (key, maxParallelism) => {
      const group = keyGroupForKey(key, maxParallelism)
      expect(group).toBe(keyGroupOf(keyHash(encodeKey(key)), maxParallelism))
      expect(group >= 0 && group < maxParallelism).toBe(true)
    }),
  )
})

test.each([0, -1, 1.5, 32769, Number.NaN])('maxParallelism %s is refused', (maxParallelism) => {
  expect(() => checkMaxParallelism(maxParallelism)).toThrow(
    expect.objectContaining({ code: 'MAX_PARALLELISM_INVALID', kind: 'invalid' }),
  )
})

test.each([0, 257, 2.5])('parallelism %s of 256 is refused', (parallelism) => {
  expect(() => keyGroupRange(0, parallelism, 256)).toThrow(
    expect.objectContaining({ code: 'PARALLELISM_INVALID', kind: 'invalid' }),
  )
})
