import type { Sink } from '@millrace/engine/spi'

/** Swallows every record and counts them (`numRecordsDiscarded`): to measure a job without its output. */
export function blackhole(): Sink<unknown, never, never> {
  return {
    name: 'blackhole',
    guarantee: 'exactly-once',
    createWriter(context) {
      const discarded = context.metrics.counter('numRecordsDiscarded')
      return {
        open: async () => {},
        write(batch) {
          discarded.value += batch.length
        },
        isWritable: () => true,
        snapshot: async () => ({ writerStates: [], committables: [] }),
        close: async () => {},
      }
    },
  }
}
