import { randomUuid } from '../../common/uuid.ts'
import type { Sink } from '../../spi/sink.ts'

/** What a collect sink has committed so far. */
export class Collected<T> {
  readonly values: T[] = []
  /** Batches that are in `values`. */
  readonly ids = new Set<string>()
}

interface CollectedBatch<T> {
  readonly id: string
  readonly values: readonly T[]
}

/** Hands records to the calling program exactly once: they appear in `collected` when their checkpoint is complete. */
export function collectSink<T>(collected: Collected<T>): Sink<T, never, CollectedBatch<T>> {
  return {
    name: 'collect',
    guarantee: 'exactly-once',
    createWriter(context) {
      let values: T[] = []
      return {
        async open() {},
        write(batch) {
          for (let i = 0; i < batch.length; i++) values.push(batch.valueAt(i))
        },
        isWritable: () => true,
        async snapshot() {
          if (values.length === 0) return { writerStates: [], committables: [] }
          const committable = { id: randomUuid(context.random), values }
          values = []
          return { writerStates: [], committables: [committable] }
        },
        async close() {},
      }
    },
    createCommitter: () => ({
      async commit(batches) {
        for (const { id, values } of batches) {
          if (collected.ids.has(id)) continue
          collected.ids.add(id)
          collected.values.push(...values)
        }
      },
      async close() {},
    }),
  }
}
