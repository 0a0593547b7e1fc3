import { type Sink, sleep } from '@millrace/engine/spi'

/** What an outside receiver has got: every id at least once. */
export interface DeliveryStore {
  readonly received: Map<string, number>
  /** Called for every delivery under way; more than `limit` at a subtask is more than it promised. */
  waiting(count: number): void
}

/** Records a subtask may hold before it wants no more. */
export const DELIVERY_LIMIT = 20

/** Delivers ids one by one, each taking up to `delayMs`: at least once, acknowledged before a checkpoint completes. */
export function deliverySink(store: DeliveryStore, delayMs: number): Sink<string, never, never> {
  return {
    name: 'deliveries',
    guarantee: 'at-least-once',
    createWriter(context) {
      const queue: string[] = []
      let delivered = Promise.resolve()
      let wake = (): void => {}
      const deliver = async (id: string): Promise<void> => {
        await sleep(context.scheduler, context.random.next() * delayMs)
        store.received.set(id, (store.received.get(id) ?? 0) + 1)
        queue.shift()
        if (queue.length < DELIVERY_LIMIT) wake()
      }
      return {
        async open(whenWritable) {
          wake = whenWritable
        },
        write(batch) {
          for (let i = 0; i < batch.length; i++) {
            const id = batch.valueAt(i)
            queue.push(id)
            delivered = delivered.then(() => deliver(id))
          }
          store.waiting(queue.length)
        },
        isWritable: () => queue.length < DELIVERY_LIMIT,
        async snapshot() {
          await delivered
          return { writerStates: [], committables: [] }
        },
        async close() {},
      }
    },
  }
}
