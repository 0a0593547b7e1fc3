import { EngineError } from '../../common/errors.ts'
import { keyGroupForKey, subtaskForKeyGroup } from '../../types/key-group.ts'
import type { Partitioner } from './partitioner.ts'

/** What a keyed edge needs; `operator` names the consumer in error messages. */
export interface HashPartitionerSettings {
  readonly keySelector: (value: any) => unknown
  readonly maxParallelism: number
  readonly parallelism: number
  readonly operator: string
}

/**
 * To the subtask that owns the record's key, one channel a subtask.
 * Errors: `KEY_SELECTOR_FAILED` (application) when the selector throws, `KEY_UNSUPPORTED` when its result can't be a key.
 */
export function hashPartitioner(settings: HashPartitionerSettings): Partitioner {
  const { keySelector, maxParallelism, parallelism, operator } = settings
  return {
    // Hashing a string key costs 75 ns. A Map from key to channel would save 20 of them with a thousand keys and cost as
    // much again with ten thousand, so nothing is remembered.
    channelFor(value) {
      let key: unknown
      try {
        key = keySelector(value)
      } catch (cause) {
        throw selectorFailed(operator, cause)
      }
      try {
        return subtaskForKeyGroup(keyGroupForKey(key, maxParallelism), parallelism, maxParallelism)
      } catch (cause) {
        throw unsupportedKey(operator, cause)
      }
    },
  }
}

function selectorFailed(operator: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EngineError('KEY_SELECTOR_FAILED', {
    kind: 'application',
    message: `The key selector before operator '${operator}' threw: ${reason}`,
    hint: 'A key selector must return a key for every record; filter out records without one before keyBy.',
    details: { operator },
    cause,
  })
}

function unsupportedKey(operator: string, cause: unknown): unknown {
  if (!(cause instanceof EngineError)) return cause
  return new EngineError(cause.code, {
    kind: cause.kind,
    message: `The key selector before operator '${operator}' returned no key: ${cause.message}`,
    hint: cause.hint,
    details: { ...cause.details, operator },
    cause,
  })
}
