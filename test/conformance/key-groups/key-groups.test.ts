import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeKey, keyHash, mapKey } from '../../../packages/engine/src/types/key.ts'
import {
  flinkMurmur,
  keyGroupForKey,
  keyGroupOf,
  keyGroupRange,
  subtaskForKeyGroup,
} from '../../../packages/engine/src/types/key-group.ts'
import { fromReadable } from '../../upgrade/readable-value.ts'

const recording = (name: string) => JSON.parse(readFileSync(new URL(`golden/${name}`, import.meta.url), 'utf8'))

interface KeyHash {
  readonly key: unknown
  readonly bytes: string
  readonly hash: number
}
interface FlinkGroups {
  readonly maxParallelisms: readonly number[]
  readonly hashes: readonly { hash: number; murmur: number; keyGroups: readonly number[] }[]
  readonly ranges: readonly {
    maxParallelism: number
    parallelism: number
    subtaskStartEnd: readonly [number, number, number][]
    keyGroupSubtask: readonly [number, number][]
  }[]
}

test('bytes and hash of a key are those of the independent script', () => {
  const { keys } = recording('key-hashes.json') as { keys: readonly KeyHash[] }
  expect(keys.length).toBeGreaterThan(150)
  for (const { key, bytes, hash } of keys) {
    const ours = encodeKey(fromReadable(key))
    expect({ key, bytes: Buffer.from(ours).toString('hex'), hash: keyHash(ours) }).toEqual({ key, bytes, hash })
    expect(keyGroupForKey(fromReadable(key), 256)).toBe(keyGroupOf(hash, 256))
    expect(mapKey(fromReadable(key))).toEqual(mapKey(fromReadable(key)))
  }
})

test("key groups are those of Flink's own classes", () => {
  const { maxParallelisms, hashes } = recording('flink-groups.json') as FlinkGroups
  expect(hashes.length).toBeGreaterThan(200)
  for (const { hash, murmur, keyGroups } of hashes) {
    expect(flinkMurmur(hash)).toBe(murmur)
    expect(maxParallelisms.map((max) => keyGroupOf(hash, max))).toEqual(keyGroups)
  }
})

test("ranges and owners of key groups are those of Flink's own classes", () => {
  const { ranges } = recording('flink-groups.json') as FlinkGroups
  for (const { maxParallelism, parallelism, subtaskStartEnd, keyGroupSubtask } of ranges) {
    for (const [subtask, start, end] of subtaskStartEnd) {
      expect(keyGroupRange(subtask, parallelism, maxParallelism)).toEqual({ start, end })
    }
    for (const [group, subtask] of keyGroupSubtask) {
      expect(subtaskForKeyGroup(group, parallelism, maxParallelism)).toBe(subtask)
    }
  }
})

test('the earlier recording of murmur pairs and ranges agrees', () => {
  const { murmur, ranges } = recording('murmur-and-ranges.json')
  for (const [code, expected] of murmur) expect(flinkMurmur(code)).toBe(expected)
  for (const { maxParallelism, parallelism, first, last } of ranges) {
    for (const [subtask, [start, end]] of first.entries()) {
      expect(keyGroupRange(subtask, parallelism, maxParallelism)).toEqual({ start, end })
    }
    const [start, end] = last
    expect(keyGroupRange(parallelism - 1, parallelism, maxParallelism)).toEqual({ start, end })
  }
})
