import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../api/environment.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { jobPlan } from './job-plan.ts'

function planOf(declare: (env: StreamExecutionEnvironment) => void) {
  const env = StreamExecutionEnvironment.create({ parallelism: 2 })
  declare(env)
  return jobPlan(env.compile('numbers'))
}

const declare = (uid: string) => (env: StreamExecutionEnvironment) =>
  void env
    .fromCollection([1, 2, 3])
    .uid('numbers')
    .map((n) => n + 1)
    .name('<b>add</b>')
    .keyBy((n) => n)
    .reduce((a, b) => a + b)
    .uid(uid)
    .name('Sum')
    .sinkTo(collectSink(new Collected<number>()))
    .uid('out')
    .setParallelism(1)

test('tasks, their inputs and how records get there, in the words of Flink', () => {
  const { name, type, nodes } = planOf(declare('sum'))
  expect({ name, type }).toEqual({ name: 'numbers', type: 'STREAMING' })
  const common = { operator: '', operator_strategy: '', optimizer_properties: {} }
  const id = expect.stringMatching(/^[0-9a-f]{32}$/)
  const exchange = 'pipelined_bounded'
  const [source, add, sum] = nodes
  expect(nodes).toEqual([
    { id, parallelism: 1, description: 'Source: collection', ...common },
    {
      id,
      parallelism: 2,
      description: '<b>add</b>',
      inputs: [{ num: 0, id: source?.id, ship_strategy: 'REBALANCE', exchange }],
      ...common,
    },
    {
      id,
      parallelism: 2,
      description: 'Sum',
      inputs: [{ num: 0, id: add?.id, ship_strategy: 'HASH', exchange }],
      ...common,
    },
    {
      id,
      parallelism: 1,
      description: expect.any(String),
      inputs: [{ num: 0, id: sum?.id, ship_strategy: 'REBALANCE', exchange }],
      ...common,
    },
  ])
})

test("a vertex's id follows its operator's uid and nothing else", () => {
  const ids = (uid: string) => planOf(declare(uid)).nodes.map(({ id }) => id)
  expect(ids('sum')).toEqual(ids('sum'))
  const before = ids('sum')
  const changed = ids('other').map((id, task) => id !== before[task])
  expect(changed).toEqual([false, false, true, false])
})
