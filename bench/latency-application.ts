import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, type Sink, type ValueState, valueState, WatermarkStrategy } from '@millrace/engine'
import { type NexmarkEvent, nexmark } from './nexmark.ts'

/** What of a bid goes through the exchange. */
interface EmittedBid {
  readonly bidder: number
  readonly price: number
  /** On the clock of `nowMs`. */
  readonly emittedMs: number
}

interface JudgedBid extends EmittedBid {
  readonly isAlert: boolean
}

/** Latencies of one subtask, in buckets of 10 µs; the last holds all above. */
export interface LatencyBuckets {
  readonly counts: readonly number[]
}

const EVENTS_PER_SECOND = 50_000
const JUMP = 100
const BUCKETS = 200_000
const BUCKETS_PER_MS = 100

/** Monotonic milliseconds on one scale in every thread of the process. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Bids keyed by bidder; each remembers the bidder's last price. Arguments: output folder, events, warm-up in ms. */
export default defineApplication({
  name: 'bench-latency',
  build(env, { args }) {
    const [folder = '.', events = '1000000', warmUpMs = '5000'] = args
    const generate = nexmark()
    const previous = valueState<number>('previous')
    env
      .fromSource(
        datagen<NexmarkEvent>({ generate, recordsPerSecond: EVENTS_PER_SECOND, count: Number(events) }),
        WatermarkStrategy.noWatermarks(),
        'nexmark',
      )
      .filter((event) => event.kind === 'bid')
      .map(({ bid }): EmittedBid => ({ bidder: bid.bidder, price: bid.price, emittedMs: nowMs() }))
      .keyBy((bid) => bid.bidder)
      .process<JudgedBid>(() => {
        let last: ValueState<number>
        return {
          open(context) {
            last = context.getState(previous)
          },
          processElement(bid, _context, out) {
            const before = last.value()
            last.update(bid.price)
            out.collect({ ...bid, isAlert: before !== null && bid.price >= before * JUMP })
          },
        }
      })
      .sinkTo(latencySink(folder, Number(warmUpMs)))
  },
})

/** Counts how long each record was under way since it was emitted, and writes the counts when it closes. */
function latencySink(folder: string, warmUpMs: number): Sink<JudgedBid> {
  return {
    name: 'latency',
    guarantee: 'at-most-once',
    createWriter({ subtaskIndex }) {
      const counts: number[] = new Array(BUCKETS).fill(0)
      let fromMs = Number.POSITIVE_INFINITY
      return {
        async open() {
          fromMs = nowMs() + warmUpMs
        },
        write(batch) {
          const receivedMs = nowMs()
          for (let i = 0; i < batch.length; i++) {
            const { emittedMs } = batch.valueAt(i)
            if (emittedMs < fromMs) continue
            const bucket = Math.min(Math.floor((receivedMs - emittedMs) * BUCKETS_PER_MS), BUCKETS - 1)
            counts[bucket] = (counts[bucket] as number) + 1
          }
        },
        isWritable: () => true,
        snapshot: async () => ({ writerStates: [], committables: [] }),
        async close() {
          const buckets: LatencyBuckets = { counts: counts.slice(0, counts.findLastIndex((count) => count > 0) + 1) }
          writeFileSync(join(folder, `latency-${subtaskIndex}.json`), JSON.stringify(buckets))
        },
      }
    },
  }
}
