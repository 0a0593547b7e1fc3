import { createMetricGroup, ObjectBatch, type Sink, type SubtaskContext } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import { blackhole } from '../blackhole/index.ts'
import { print } from './index.ts'

const metrics = createMetricGroup()
const contextOf = (subtaskIndex: number, parallelism: number) =>
  ({ subtaskIndex, parallelism, metrics }) as Partial<SubtaskContext> as SubtaskContext
const batchOf = <T>(values: readonly T[]) =>
  new ObjectBatch(
    values,
    values.map(() => 0),
  )

/** An output that has enough after every write. */
function slowOutput() {
  const written: string[] = []
  let drain = () => {}
  return {
    written,
    drain: () => drain(),
    write: (text: string) => {
      written.push(text)
      return false
    },
    once: (_event: 'drain', listener: () => void) => {
      drain = listener
    },
  }
}

async function printed<T>(sink: (output: ReturnType<typeof slowOutput>) => Sink<T>, values: readonly T[], of = [0, 1]) {
  const output = slowOutput()
  const writer = sink(output).createWriter(contextOf(of[0]!, of[1]!), [])
  await writer.open(() => {})
  writer.write(batchOf(values))
  return output.written.join('')
}

test('one line a record: strings as they are, other values on one line', async () => {
  const values = ['text', { card: 'c', amounts: [1, 2n], at: undefined }, null]
  const lines = "text\n{ card: 'c', amounts: [ 1, 2n ], at: undefined }\nnull\n"
  expect(await printed((output) => print({ output }), values)).toBe(lines)
})

test('says which subtask and which sink, as Flink does', async () => {
  expect(await printed((output) => print({ output }), ['a', 'b'], [1, 4])).toBe('2> a\n2> b\n')
  expect(await printed((output) => print({ output, label: 'safe' }), ['a'])).toBe('safe> a\n')
  expect(await printed((output) => print({ output, label: 'safe' }), ['a'], [0, 2])).toBe('safe:1> a\n')
  expect(await printed((output) => print({ output, format: (n: number) => `<${n}>` }), [7])).toBe('<7>\n')
})

test('waits while the output has enough', async () => {
  const output = slowOutput()
  const writer = print<string>({ output }).createWriter(contextOf(0, 1), [])
  let wakes = 0
  await writer.open(() => {
    wakes++
  })
  expect(writer.isWritable()).toBe(true)
  writer.write(batchOf(['a']))
  expect(writer.isWritable()).toBe(false)
  output.drain()
  expect([writer.isWritable(), wakes]).toEqual([true, 1])
})

test('blackhole counts what it swallows', async () => {
  const writer = blackhole().createWriter(contextOf(0, 1), [])
  writer.write(batchOf([1, 2, 3]))
  writer.write(batchOf([4]))
  expect(metrics.collect()['numRecordsDiscarded']).toBe(4)
  expect(await writer.snapshot(1, 'checkpoint')).toEqual({ writerStates: [], committables: [] })
})
