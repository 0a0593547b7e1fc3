import { describe, expect, test } from 'vitest'
import { operatorHarness } from '../../testing/operator-harness.ts'
import { emitted, endOfInput, record, verifyOperator, watermark } from '../../testing/verify-operator.ts'
import { FilterOperator } from './filter.ts'
import { FlatMapOperator } from './flat-map.ts'
import { outputTag } from './functions.ts'
import { MapOperator } from './map.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { ProcessOperator } from './process.ts'

const input = [record(1, 5), record(2, 3), watermark(4), record(3, Number.NEGATIVE_INFINITY), record(4, 9), endOfInput]

test.each([
  {
    it: 'map emits the result of its function with the record’s timestamp',
    create: (context: OperatorContext) => new MapOperator<number, number>((n) => n * 10, context),
    output: [emitted(10, 5), emitted(20, 3), emitted(30, Number.NEGATIVE_INFINITY), emitted(40, 9)],
  },
  {
    it: 'filter passes on what is to be kept',
    create: (context: OperatorContext) => new FilterOperator<number>((n) => n % 2 === 0, context),
    output: [emitted(2, 3), emitted(4, 9)],
  },
  {
    it: 'flatMap emits what is collected before what is returned',
    create: (context: OperatorContext) =>
      new FlatMapOperator<number, string>((n, out) => {
        out.collect(`c${n}`)
        return n === 1 ? ['r1', 's1'] : []
      }, context),
    output: [
      emitted('c1', 5),
      emitted('r1', 5),
      emitted('s1', 5),
      emitted('c2', 3),
      emitted('c3', Number.NEGATIVE_INFINITY),
      emitted('c4', 9),
    ],
  },
  {
    it: 'flatMap may return nothing',
    create: (context: OperatorContext) => new FlatMapOperator<number, string>(() => undefined, context),
    output: [],
  },
])('$it', ({ create, output }) => verifyOperator(create, { input, output }))

test('process sees timestamp and event time, and sends to side outputs', () =>
  verifyOperator(
    (context) =>
      new ProcessOperator<number, string>(
        () => ({
          processElement(n, about, out) {
            out.collect(`${n} at ${about.timestamp()} wm ${about.currentWatermark()}`)
            if (n % 2 === 0) about.output(outputTag<number>('even'), n)
          },
        }),
        context,
      ),
    {
      input,
      output: [
        emitted('1 at 5 wm -Infinity', 5),
        emitted('2 at 3 wm -Infinity', 3),
        emitted('3 at null wm 4', Number.NEGATIVE_INFINITY),
        emitted('4 at 9 wm 4', 9),
      ],
      sideOutputs: { even: [emitted(2, 3), emitted(4, 9)] },
    },
  ))

describe('a function that returns a Promise is refused at its first record', () => {
  const promise = async () => 1
  test.each<[string, (context: OperatorContext) => Operator]>([
    ['map', (context) => new MapOperator(promise, context)],
    ['filter', (context) => new FilterOperator(promise as unknown as () => boolean, context)],
    ['flatMap', (context) => new FlatMapOperator(promise as unknown as () => void, context)],
    [
      'process',
      (context) => new ProcessOperator(() => ({ processElement: promise as unknown as () => void }), context),
    ],
  ])('%s', (_name, create) => {
    const { operator, output } = operatorHarness(create)
    expect(() => operator.process(1, 0)).toThrow(expect.objectContaining({ code: 'FUNCTION_ASYNC' }))
    expect(output).toEqual([])
  })
})

test('the verifier notices an operator that keeps something outside of its state', async () => {
  const create = (context: OperatorContext) => {
    let seen = 0
    return new MapOperator<number, number>(() => ++seen, context)
  }
  const trace = { input: [record('x', 1), record('y', 2)], output: [emitted(1, 1), emitted(2, 2)] }
  await expect(verifyOperator(create, trace)).rejects.toThrow('restored between every two elements')
})
