import { describe, expect, test } from 'vitest'
import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import { operatorHarness } from '../../testing/operator-harness.ts'
import {
  clockAt,
  emitted,
  endOfInput,
  record,
  type TraceElement,
  verifyOperator,
  watermark,
} from '../../testing/verify-operator.ts'
import type { OperatorContext } from '../operators/operator.ts'
import { type TumblingWindows, windowStartMs } from './window.ts'
import { type WindowContents, WindowOperator } from './window-operator.ts'

type Input = { readonly key: string; readonly n: number }
const keyOf = ({ key }: Input): string => key
/** `a1@5` of the rules' traces. */
const at = (name: string, ts: number): TraceElement => record({ key: name[0], n: Number(name.slice(1)) }, ts)

interface Settings {
  readonly sizeMs?: number
  readonly offsetMs?: number
  readonly latenessMs?: number
  readonly time?: TumblingWindows['time']
  readonly late?: boolean
}

const settingsOf = ({ sizeMs = 10, offsetMs = 0, latenessMs = 0, time = 'event', late = true }: Settings) => ({
  windows: { time, sizeMs, offsetMs },
  allowedLatenessMs: latenessMs,
  lateTag: late ? 'late' : undefined,
})

/** Emits `a [0,10) (1,2)`. */
const listing = (settings: Settings) => (context: OperatorContext) =>
  new WindowOperator<string, Input, never, never, string>(
    keyOf,
    {
      ...settingsOf(settings),
      contents: { kind: 'list' },
      emit: (key, { startMs, endMs }, values, out) =>
        out.collect(`${key} [${startMs},${endMs}) (${(values as readonly Input[]).map(({ n }) => n)})`),
    },
    context,
  )

const sum: WindowContents<Input, number, number> = {
  kind: 'fold',
  add: (accumulator, { n }) => (accumulator ?? 0) + n,
  result: (accumulator) => accumulator,
}

const summing = (settings: Settings) => (context: OperatorContext) =>
  new WindowOperator<string, Input, number, number, string>(
    keyOf,
    {
      ...settingsOf(settings),
      contents: sum,
      emit: (key, { startMs }, total, out) => out.collect(`${key} ${startMs} ${total}`),
    },
    context,
  )

test.each([
  { it: 'floors, also below zero', at: -1, offsetMs: 0, startMs: -10 },
  { it: 'floors, also below zero', at: -11, offsetMs: 0, startMs: -20 },
  { it: 'shifts by the offset', at: -11, offsetMs: 3, startMs: -17 },
  { it: 'shifts by the offset', at: 0, offsetMs: 3, startMs: -7 },
  { it: 'begins a window at its start', at: 10, offsetMs: 0, startMs: 10 },
])('WN-1 $it: $at with offset $offsetMs is in the window from $startMs', ({ at: timestampMs, offsetMs, startMs }) => {
  expect(windowStartMs(timestampMs, { time: 'event', sizeMs: 10, offsetMs })).toBe(startMs)
})

const lateTrace = [
  ...[at('a1', 1), at('a2', 5), watermark(8), watermark(9), at('a3', 3), watermark(13), at('a4', 4), at('a5', 12)],
  ...[watermark(14), at('a6', 6), at('a7', 14), watermark(40)],
]

test.each([
  {
    it: 'WN-4 with lateness 5 a late record fires its window again until it is cleaned, then goes to the late output',
    create: listing({ latenessMs: 5 }),
    input: lateTrace,
    output: [
      emitted('a [0,10) (1,2)', 9),
      emitted('a [0,10) (1,2,3)', 9),
      emitted('a [0,10) (1,2,3,4)', 9),
      emitted('a [10,20) (5,7)', 19),
    ],
    late: [emitted({ key: 'a', n: 6 }, 6)],
  },
  {
    it: 'WN-4 without lateness every record of a fired window goes to the late output, with its own timestamp',
    create: listing({}),
    input: lateTrace,
    output: [emitted('a [0,10) (1,2)', 9), emitted('a [10,20) (5,7)', 19)],
    late: [emitted({ key: 'a', n: 3 }, 3), emitted({ key: 'a', n: 4 }, 4), emitted({ key: 'a', n: 6 }, 6)],
  },
  {
    it: 'WN-4 being behind the watermark is not late while the window is open',
    create: listing({}),
    input: [at('a1', 1), watermark(8), at('a2', 2), watermark(9)],
    output: [emitted('a [0,10) (1,2)', 9)],
    late: [],
  },
  {
    it: 'WN-3 with lateness 5 the window is kept for 5 ms of event time exactly',
    create: listing({ latenessMs: 5 }),
    input: [at('a1', 1), watermark(13), at('a2', 2), watermark(14), at('a3', 3)],
    output: [emitted('a [0,10) (1)', 9), emitted('a [0,10) (1,2)', 9)],
    late: [emitted({ key: 'a', n: 3 }, 3)],
  },
  {
    it: 'WN-8 windows fire by their end, those of equal end by key group and key',
    create: listing({}),
    input: [at('b1', 25), at('a2', 12), at('a3', 1), at('a4', 25), watermark(9), watermark(50)],
    output: [
      emitted('a [0,10) (3)', 9),
      emitted('a [10,20) (2)', 19),
      emitted('a [20,30) (4)', 29),
      emitted('b [20,30) (1)', 29),
    ],
    late: [],
  },
  {
    it: 'waits while event time stands still',
    create: listing({}),
    input: [at('a1', 1), watermark(8), watermark(8), watermark(5)],
    output: [],
    late: [],
  },
  {
    it: 'the end of the input fires what is open',
    create: listing({ latenessMs: 5 }),
    input: [at('a1', 1), at('a2', 11), endOfInput],
    output: [emitted('a [0,10) (1)', 9), emitted('a [10,20) (2)', 19)],
    late: [],
  },
  {
    it: 'aggregates without keeping the records, also when it fires again',
    create: summing({ latenessMs: 5 }),
    input: lateTrace,
    output: [emitted('a 0 3', 9), emitted('a 0 6', 9), emitted('a 0 10', 9), emitted('a 10 12', 19)],
    late: [emitted({ key: 'a', n: 6 }, 6)],
  },
  {
    it: 'windows of processing time close when the clock is past their end; nothing is late',
    create: listing({ time: 'processing' }),
    input: [at('a1', 1000), clockAt(9), at('a2', 5), clockAt(10), at('a3', 0), clockAt(20), endOfInput],
    output: [emitted('a [0,10) (1,2)', 9), emitted('a [10,20) (3)', 19)],
    late: [],
  },
])('$it', ({ create, input, output, late }) => verifyOperator(create, { input, output, sideOutputs: { late }, keyOf }))

describe('nothing silent (invariant 8)', () => {
  test('without a late output late records are counted', () => {
    const { operator, context, output } = operatorHarness(listing({ late: false }))
    operator.process({ key: 'a', n: 1 }, 1)
    operator.advanceWatermark(9)
    operator.process({ key: 'a', n: 2 }, 2)
    operator.process({ key: 'b', n: 3 }, 3)
    expect(output.length).toBe(1)
    expect(context.metrics.collect()).toMatchObject({ numLateRecordsDropped: 2 })
  })

  test('a record without a timestamp is refused with the way out', () => {
    const { operator } = operatorHarness(listing({}))
    expect(() => operator.process({ key: 'a', n: 1 }, MIN_TIMESTAMP)).toThrow(
      expect.objectContaining({ code: 'TIMESTAMP_MISSING', hint: expect.stringContaining('watermark strategy') }),
    )
  })
})
