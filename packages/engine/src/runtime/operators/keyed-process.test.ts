import { expect, test } from 'vitest'
import { listState, mapState, type ValueState, valueState } from '../../spi/state.ts'
import { operatorHarness } from '../../testing/operator-harness.ts'
import { clockAt, emitted, endOfInput, record, verifyOperator, watermark } from '../../testing/verify-operator.ts'
import type { KeyedProcessFunction } from './functions.ts'
import { KeyedProcessOperator } from './keyed-process.ts'
import type { OperatorContext } from './operator.ts'

type Input = { readonly key: string; readonly ts: number }
const keyOf = ({ key }: Input): string => key
const at = (key: string, ts: number) => record({ key, ts }, ts)
const keyed =
  <O>(create: () => KeyedProcessFunction<string, Input, O>) =>
  (context: OperatorContext) =>
    new KeyedProcessOperator<string, Input, O>(keyOf, create, context)

const onFire: KeyedProcessFunction<string, Input, string>['onTimer'] = (timestampMs, context, out) => {
  if (context.timeDomain === 'processing') out.collect(`${context.currentKey} at ${timestampMs}`)
  else out.collect(`${context.currentKey}@${timestampMs} wm ${context.currentWatermark()}`)
}

test('TM-10: event timers are a set, fire in order when event time reaches them, and those in the past wait', () =>
  verifyOperator(
    keyed<string>(() => ({
      processElement({ key, ts }, { timers }) {
        for (const timestampMs of key === 'c' ? [ts, ts, 15, 110] : [ts, ts]) timers.registerEventTimeTimer(timestampMs)
        timers.deleteEventTimeTimer(ts + 1000)
      },
      onTimer(timestampMs, context, out) {
        onFire(timestampMs, context, out)
        if (timestampMs !== 10) return
        for (const next of [12, 1, 25]) context.timers.registerEventTimeTimer(next)
      },
    })),
    {
      keyOf,
      input: [
        ...[at('a', 5), at('a', 5), at('b', 5), watermark(4), watermark(5), at('a', 3), watermark(6), at('c', 10)],
        ...[watermark(20), watermark(20), watermark(15), watermark(30), endOfInput],
      ],
      output: [
        emitted('a@5 wm 5', 5),
        emitted('b@5 wm 5', 5),
        emitted('a@3 wm 6', 3),
        emitted('c@10 wm 20', 10),
        emitted('c@1 wm 20', 1),
        emitted('c@12 wm 20', 12),
        emitted('c@15 wm 20', 15),
        emitted('c@25 wm 30', 25),
        emitted('c@110 wm Infinity', 110),
      ],
    },
  ))

test('TM-11, TM-12: processing timers fire when the clock is past them, and never after the end of the input', () =>
  verifyOperator(
    keyed<string>(() => ({
      processElement({ ts }, { timers }) {
        timers.registerProcessingTimeTimer(ts)
      },
      onTimer: onFire,
    })),
    {
      keyOf,
      input: [
        at('a', 100),
        at('b', 50),
        at('a', 70),
        clockAt(50),
        clockAt(51),
        clockAt(71),
        at('c', 20),
        clockAt(90),
      ].concat([at('d', 500), endOfInput]),
      output: [emitted('b at 50', 50), emitted('a at 70', 70), emitted('c at 20', 20)],
    },
  ))

test('a timer that is taken back does not fire; one of another key does', () =>
  verifyOperator(
    keyed<string>(() => ({
      processElement({ key, ts }, { timers }) {
        if (key === 'stop') timers.deleteEventTimeTimer(ts)
        timers.registerEventTimeTimer(ts + 10)
        if (key === 'gone') timers.deleteEventTimeTimer(ts + 10)
      },
      onTimer: onFire,
    })),
    {
      keyOf,
      input: [at('kept', 1), at('gone', 1), at('stop', 11), watermark(30)],
      output: [emitted('kept@11 wm 30', 11), emitted('stop@21 wm 30', 21)],
    },
  ))

test('value, list and map state belong to the key and survive every restore', () =>
  verifyOperator(
    keyed<string>(() => {
      let count: ValueState<number>
      let list: { get(): readonly number[]; add(n: number): void; clear(): void }
      let map: { get(k: string): number | null; put(k: string, v: number): void; keys(): IterableIterator<string> }
      return {
        open(context) {
          count = context.getState(valueState<number>('count'))
          list = context.getState(listState<number>('list'))
          map = context.getState(mapState<string, number>('map'))
        },
        processElement({ key, ts }, _context, out) {
          count.update((count.value() ?? 0) + 1)
          list.add(ts)
          map.put(`m${ts % 3}`, ts)
          out.collect(`${key} ${count.value()} [${list.get()}] {${[...map.keys()]}}`)
          if (list.get().length === 3) list.clear()
        },
      }
    }),
    {
      keyOf,
      input: [at('a', 1), at('b', 2), at('a', 3), at('a', 4), at('b', 5), at('a', 6)],
      output: [
        emitted('a 1 [1] {m1}', 1),
        emitted('b 1 [2] {m2}', 2),
        emitted('a 2 [1,3] {m1,m0}', 3),
        emitted('a 3 [1,3,4] {m1,m0}', 4),
        emitted('b 2 [2,5] {m2}', 5),
        emitted('a 4 [6] {m1,m0}', 6),
      ],
    },
  ))

test('after a restore event time is unknown until sources speak, and waiting timers are still there', async () => {
  const create = keyed<string>(() => ({
    processElement(_value, context, out) {
      out.collect(`wm ${context.currentWatermark()}`)
    },
  }))
  const { operator, output } = operatorHarness(create, { restore: [] })
  operator.process({ key: 'a', ts: 1 }, 1)
  expect(output).toEqual([emitted('wm -Infinity', 1)])
})

test('close is called on every path, once', () => {
  let closed = 0
  const { operator } = operatorHarness(keyed(() => ({ processElement() {}, close: () => void closed++ })))
  operator.close()
  expect(closed).toBe(1)
})
