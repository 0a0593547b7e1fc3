import { describe, expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../api/environment.ts'
import { outputTag } from '../runtime/operators/functions.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { compile } from './compile.ts'
import { StreamGraph } from './stream-graph.ts'

const env = (parallelism = 2) => StreamExecutionEnvironment.create({ parallelism })
const sink = <T>() => collectSink(new Collected<T>())
const names = (graph: JobGraph): string[] => graph.tasks.map(({ name, parallelism }) => `${name} x${parallelism}`)
const edges = (graph: JobGraph): string[] =>
  graph.edges.map(({ sourceTask, targetTask, partitioner }) => `${sourceTask} ${partitioner.kind} ${targetTask}`)

describe('chains (rule JN-8)', () => {
  test('operators of equal parallelism on a forward edge are one task', () => {
    const e = env()
    e.fromCollection([1])
      .setParallelism(2)
      .map((n) => n + 1)
      .filter(() => true)
      .sinkTo(sink())
    const graph = e.compile('job')
    expect(names(graph)).toEqual(['Source: collection -> Map -> Filter -> Sink: collect x2'])
    expect(edges(graph)).toEqual([])
    expect(graph.tasks[0]?.operators.map(({ outputs }) => outputs)).toEqual([
      [{ tag: undefined, to: { kind: 'chained', operator: 1 } }],
      [{ tag: undefined, to: { kind: 'chained', operator: 2 } }],
      [{ tag: undefined, to: { kind: 'chained', operator: 3 } }],
      [],
    ])
  })

  test('another parallelism makes another task, fed evenly', () => {
    const e = env()
    e.fromCollection([1])
      .map((n) => n)
      .sinkTo(sink())
    const graph = e.compile('job')
    expect(names(graph)).toEqual(['Source: collection x1', 'Map -> Sink: collect x2'])
    expect(edges(graph)).toEqual(['0 rebalance 1'])
  })

  test('a key, rebalance, broadcast and global always end a chain', () => {
    for (const kind of ['keyBy', 'rebalance', 'broadcast', 'global'] as const) {
      const e = env(1)
      const source = e.fromCollection([1])
      if (kind === 'keyBy')
        source
          .keyBy((n) => n)
          .reduce((a) => a)
          .sinkTo(sink())
      else
        source[kind]()
          .map((n) => n)
          .sinkTo(sink())
      expect(edges(e.compile('job'))).toEqual([`0 ${kind === 'keyBy' ? 'hash' : kind} 1`])
    }
  })

  test('several inputs end a chain, several outputs don’t', () => {
    const e = env(1)
    const source = e.fromCollection([1])
    const left = source.map((n) => n).name('left')
    const right = source.map((n) => n).name('right')
    left
      .union(right)
      .map((n) => n)
      .name('both')
      .sinkTo(sink())
    const graph = e.compile('job')
    expect(names(graph)).toEqual(['Source: collection -> left -> right x1', 'both -> Sink: collect x1'])
    expect(edges(graph)).toEqual(['0 forward 1', '0 forward 1'])
  })

  test('a side output goes its own way', () => {
    const e = env(1)
    const odd = outputTag<number>('odd')
    const main = e.fromCollection([1]).process<number>(() => ({ processElement() {} }))
    main.sinkTo(sink())
    main
      .getSideOutput(odd)
      .keyBy((n) => n)
      .reduce((a) => a)
      .sinkTo(sink())
    expect(e.compile('job').tasks[0]?.operators[1]?.outputs).toEqual([
      { tag: undefined, to: { kind: 'chained', operator: 2 } },
      { tag: 'odd', to: { kind: 'edge', edge: 0 } },
    ])
  })
})

describe('identity', () => {
  test('state belongs to the uid, or to the position of the declaration', () => {
    const e = env(1)
    e.fromCollection([1])
      .map((n) => n)
      .uid('my-map')
      .sinkTo(sink())
    const operators = e.compile('job').tasks[0]?.operators ?? []
    expect(operators.map(({ id, hasUid }) => [id, hasUid])).toEqual([
      ['operator-0', false],
      ['my-map', true],
      ['operator-2', false],
    ])
  })

  const hashOf = (change: (e: StreamExecutionEnvironment) => void): string => {
    const e = env(1)
    change(e)
    return e.compile('job').hash
  }

  test('the hash is equal for equal declarations and tells others apart; the text of functions doesn’t count', () => {
    const base = hashOf((e) =>
      e
        .fromCollection([1])
        .map((n) => n)
        .sinkTo(sink()),
    )
    expect(
      hashOf((e) =>
        e
          .fromCollection([2, 3])
          .map((n) => n * 2)
          .sinkTo(sink()),
      ),
    ).toBe(base)
    const others = [
      hashOf((e) =>
        e
          .fromCollection([1])
          .map((n) => n)
          .uid('x')
          .sinkTo(sink()),
      ),
      hashOf((e) =>
        e
          .fromCollection([1])
          .map((n) => n)
          .name('x')
          .sinkTo(sink()),
      ),
      hashOf((e) =>
        e
          .fromCollection([1])
          .map((n) => n)
          .setParallelism(2)
          .sinkTo(sink()),
      ),
      hashOf((e) =>
        e
          .fromCollection([1])
          .filter(() => true)
          .sinkTo(sink()),
      ),
      hashOf((e) =>
        e
          .fromCollection([1])
          .rebalance()
          .map((n) => n)
          .sinkTo(sink()),
      ),
      hashOf((e) => {
        e.setMaxParallelism(128)
        e.fromCollection([1])
          .map((n) => n)
          .sinkTo(sink())
      }),
    ]
    expect(new Set([base, ...others]).size).toBe(others.length + 1)
  })
})

describe('refusals name what is wrong', () => {
  test.each([
    { code: 'GRAPH_EMPTY', declare: () => {}, message: "'job'" },
    {
      code: 'GRAPH_WITHOUT_SINK',
      declare: (e: StreamExecutionEnvironment) => void e.fromCollection([1]).map((n) => n),
      message: "'job'",
    },
    {
      code: 'UID_DUPLICATE',
      declare: (e: StreamExecutionEnvironment) =>
        void e
          .fromCollection([1])
          .map((n) => n)
          .name('first')
          .uid('same')
          .filter(() => true)
          .name('second')
          .uid('same')
          .sinkTo(sink()),
      message: "'first' and 'second'",
    },
    {
      code: 'PARALLELISM_INVALID',
      declare: (e: StreamExecutionEnvironment) =>
        void e
          .fromCollection([1])
          .map((n) => n)
          .name('wide')
          .setParallelism(257)
          .sinkTo(sink()),
      message: "'wide' has parallelism 257",
    },
    {
      code: 'PARALLELISM_INVALID',
      declare: (e: StreamExecutionEnvironment) =>
        void e
          .fromCollection([1])
          .map((n) => n)
          .setParallelism(1.5)
          .sinkTo(sink()),
      message: '1.5',
    },
  ])('$code', ({ code, declare, message }) => {
    const e = env()
    declare(e)
    expect(() => e.compile('job')).toThrow(
      expect.objectContaining({ code, kind: 'invalid', message: expect.stringContaining(message) }),
    )
  })
})

test('a keyed edge names its consumer, whatever it is named after it was declared', () => {
  const e = env(1)
  e.fromCollection([1])
    .keyBy((n) => n)
    .reduce((a) => a)
    .name('totals')
    .sinkTo(sink())
  expect(e.compile('job').edges[0]?.partitioner).toMatchObject({ kind: 'hash', operator: 'totals' })
})

test('an empty graph of any name is refused before anything else', () => {
  expect(() => compile(new StreamGraph(), { name: 'x', parallelism: 0, maxParallelism: 1 })).toThrow(
    expect.objectContaining({ code: 'GRAPH_EMPTY' }),
  )
})
