import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { json } from '@millrace/connectors/formats/json'
import {
  defineApplication,
  type Sink,
  type Source,
  type StreamExecutionEnvironment,
  type ValueState,
  valueState,
  WatermarkStrategy,
} from '@millrace/engine'
import {
  type CardCount,
  isCharged,
  makeLines,
  makePayments,
  type Payment,
  POOL,
  toCharge,
  withFee,
} from './engine-work.ts'

/** What a source or a sink of one subtask notes: the whole process's processor time so far, in ms. */
export interface Mark {
  readonly cpuMs: number
}

/** The part of the records that warms up. */
export const WARM_UP_SHARE = 0.25
const RECORDS_PER_POLL = 512

/** Arguments: folder for the marks, `count` or `json`, records over all subtasks. */
export default defineApplication({
  name: 'bench-engine',
  build(env, { args }) {
    const [folder = '.', kind = 'count', records = '1000000'] = args
    if (kind === 'json') jsonInOut(env, folder, Number(records))
    else mapFilterCount(env, folder, Number(records))
  },
})

function mapFilterCount(env: StreamExecutionEnvironment, folder: string, records: number): void {
  const counted = valueState<number>('count')
  env
    .fromSource(repeated(makePayments, folder, records), WatermarkStrategy.noWatermarks(), 'payments')
    .map(toCharge)
    .filter(isCharged)
    .keyBy((charge) => charge.card)
    .process<CardCount>(() => {
      let state: ValueState<number>
      return {
        open(context) {
          state = context.getState(counted)
        },
        processElement({ card }, _context, out) {
          const count = (state.value() ?? 0) + 1
          state.update(count)
          out.collect({ card, count })
        },
      }
    })
    .sinkTo(counting(folder))
}

function jsonInOut(env: StreamExecutionEnvironment, folder: string, records: number): void {
  const format = json<Payment>()
  env
    .fromSource(repeated(makeLines, folder, records), WatermarkStrategy.noWatermarks(), 'lines')
    .map((line) => format.decode(line))
    .filter(isCharged)
    .map(withFee)
    .map((payment) => format.encode(payment))
    .sinkTo(counting(folder))
}

/** The pool over and over, as fast as it is taken; each subtask its share. */
function repeated<T>(make: () => readonly T[], folder: string, records: number): Source<T> {
  return {
    name: 'repeated',
    boundedness: 'bounded',
    createEnumerator: (context) => ({
      start() {},
      addReader(subtask) {
        context.assignSplits(subtask, [{ id: `share-${subtask}` }])
        context.signalNoMoreSplits(subtask)
      },
      addSplitsBack() {},
      snapshotState: () => null,
      async close() {},
    }),
    createReader({ subtaskIndex, parallelism }) {
      const pool = make()
      const own = records / parallelism
      const warmUp = own * WARM_UP_SHARE
      let id: string | undefined
      let next = 0
      return {
        start() {},
        addSplits(splits) {
          id = splits[0]?.id ?? id
        },
        notifyNoMoreSplits() {},
        poll(output) {
          if (id === undefined) return 'nothing'
          if (next === warmUp) mark(folder, `source-${subtaskIndex}`)
          const end = Math.min(next + RECORDS_PER_POLL, next < warmUp ? warmUp : own)
          const to = output.split(id)
          for (; next < end; next++) to.emit(pool[next & (POOL - 1)] as T, 0)
          return next === own ? 'end' : 'more'
        },
        snapshotState: () => [],
        async close() {},
      }
    },
  }
}

function counting(folder: string): Sink<unknown> {
  return {
    name: 'counting',
    guarantee: 'at-most-once',
    createWriter: ({ subtaskIndex }) => ({
      async open() {},
      write() {},
      isWritable: () => true,
      snapshot: async () => ({ writerStates: [], committables: [] }),
      async close() {
        mark(folder, `sink-${subtaskIndex}`)
      },
    }),
  }
}

function mark(folder: string, name: string): void {
  const { user, system } = process.cpuUsage()
  const noted: Mark = { cpuMs: (user + system) / 1000 }
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(noted))
}
