import { EngineError, invariant } from '../common/errors.ts'
import { hashOfKey } from './key.ts'

/** Into how many key groups keyed state is divided unless the application says otherwise. Never derived: README, decision 4. */
export const DEFAULT_MAX_PARALLELISM = 256
/** The greatest maxParallelism there can be. */
const UPPER_BOUND_MAX_PARALLELISM = 32768

/** The key groups that one subtask owns, both ends inclusive. */
export interface KeyGroupRange {
  readonly start: number
  readonly end: number
}

/** Throws `MAX_PARALLELISM_INVALID` unless it is an integer in 1…32768. */
export function checkMaxParallelism(maxParallelism: number): void {
  if (Number.isInteger(maxParallelism) && maxParallelism >= 1 && maxParallelism <= UPPER_BOUND_MAX_PARALLELISM) return
  throw new EngineError('MAX_PARALLELISM_INVALID', {
    kind: 'invalid',
    message: `maxParallelism is ${maxParallelism}.`,
    hint: `It is an integer from 1 to ${UPPER_BOUND_MAX_PARALLELISM}; ${DEFAULT_MAX_PARALLELISM} unless set.`,
    details: { maxParallelism },
  })
}

/** Throws `PARALLELISM_INVALID` unless it is an integer in 1…maxParallelism. */
function checkParallelism(parallelism: number, maxParallelism: number): void {
  checkMaxParallelism(maxParallelism)
  if (Number.isInteger(parallelism) && parallelism >= 1 && parallelism <= maxParallelism) return
  throw new EngineError('PARALLELISM_INVALID', {
    kind: 'invalid',
    message: `Parallelism is ${parallelism} with a maxParallelism of ${maxParallelism}.`,
    hint: 'It is an integer from 1 to maxParallelism. maxParallelism is stored in snapshots and can only be set for a new job.',
    details: { parallelism, maxParallelism },
  })
}

/**
 * The key group of a key's hash: Flink's formula, `MathUtils.murmurHash(hash) % maxParallelism`.
 * Source: Apache Flink 2.3.0, `KeyGroupRangeAssignment.computeKeyGroupForKeyHash`.
 */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  return flinkMurmur(hash) % maxParallelism
}

/** The key group of a record's key. Refuses as `encodeKey` does. */
export function keyGroupForKey(key: unknown, maxParallelism: number): number {
  return flinkMurmur(hashOfKey(key)) % maxParallelism
}

/** The key groups of one subtask. Source: Flink's `computeKeyGroupRangeForOperatorIndex`. */
export function keyGroupRange(subtask: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  checkParallelism(parallelism, maxParallelism)
  invariant(Number.isInteger(subtask) && subtask >= 0 && subtask < parallelism, 'a subtask is below its parallelism', {
    subtask,
    parallelism,
  })
  return {
    start: Math.floor((subtask * maxParallelism + parallelism - 1) / parallelism),
    end: Math.floor(((subtask + 1) * maxParallelism - 1) / parallelism),
  }
}

/** The subtask that owns a key group. Source: Flink's `computeOperatorIndexForKeyGroup`. */
export function subtaskForKeyGroup(keyGroup: number, parallelism: number, maxParallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

/** Flink's `MathUtils.murmurHash`: one block of murmur3, made non-negative. */
export function flinkMurmur(code: number): number {
  let c = Math.imul(code, 0xcc9e_2d51)
  c = (c << 15) | (c >>> 17)
  c = Math.imul(c, 0x1b87_3593)
  c = (c << 13) | (c >>> 19)
  c = (Math.imul(c, 5) + 0xe654_6b64) ^ 4
  c ^= c >>> 16
  c = Math.imul(c, 0x85eb_ca6b)
  c ^= c >>> 13
  c = Math.imul(c, 0xc2b2_ae35)
  c ^= c >>> 16
  if (c >= 0) return c
  return c === -0x8000_0000 ? 0 : -c
}
