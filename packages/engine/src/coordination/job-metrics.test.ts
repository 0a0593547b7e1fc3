import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../api/environment.ts'
import { seededRandom } from '../common/random.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { createFileSystems } from '../runtime/storage/file-systems.ts'
import { SimulatedCluster } from '../testing/simulated-cluster.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { inProcessThread } from './in-process-threads.ts'
import { JobCoordinator, type JobMetrics, type JobState } from './job-coordinator.ts'
import { simulatedAttempt } from './simulated-job-fixture.ts'

const RECORDS = 3000

/** Starts it in a simulation; answers with metrics as they are once all records have reached the sinks. */
async function metricsOf(declare: (env: StreamExecutionEnvironment) => void): Promise<JobMetrics> {
  const simulated = new SimulatedCluster(5)
  const { time } = simulated
  const { job } = simulated.start({ ...simulatedAttempt, declare })
  for (;;) {
    while ((job.state as JobState) !== 'RUNNING') await time.step()
    const metrics = await time.until(job.collectMetrics(), 10_000)
    if (total(metrics, 'sink', 'numRecordsIn') === RECORDS) return metrics
  }
}

function total({ operators }: JobMetrics, role: string, name: string): number {
  const chosen = operators.filter((operator) => operator.role === role)
  return chosen.reduce((sum, { values }) => sum + (values[name] ?? 0), 0)
}

const passing = (env: StreamExecutionEnvironment) =>
  void env
    .fromCollection(Array.from({ length: RECORDS * 2 }, (_, n) => n))
    .name('Numbers')
    .filter((n) => n % 2 === 0)
    .name('Even')
    .keyBy((n) => n % 7)
    .reduce((a) => a)
    .name('First')
    .uid('first')
    .sinkTo(collectSink(new Collected<number>()))
    .name('Out')

test('records are counted where they come in and go out: by operator, subtask and role', async () => {
  const metrics = await metricsOf(passing)
  const of = (name: string, metric: string) =>
    metrics.operators
      .filter(({ operatorName, subtask }) => operatorName === name && subtask >= 0)
      .reduce((sum, { values }) => sum + (values[metric] ?? 0), 0)
  expect(of('Numbers', 'numRecordsIn')).toBe(2 * RECORDS)
  expect(of('Numbers', 'numRecordsOut')).toBe(2 * RECORDS)
  expect(of('Even', 'numRecordsIn')).toBe(2 * RECORDS)
  expect(of('Even', 'numRecordsOut')).toBe(RECORDS)
  expect(of('First', 'numRecordsIn')).toBe(RECORDS)
  expect(of('First', 'numRecordsOut')).toBe(RECORDS)
  expect(of('Out', 'numRecordsOut')).toBe(0)
  const sum = (name: string) => metrics.tasks.reduce((sum, { values }) => sum + (values[name] ?? 0), 0)
  // What a task sends another one receives; only the source's records come from elsewhere.
  expect(sum('numRecordsIn')).toBe(2 * RECORDS + sum('numRecordsOut'))
  // What crosses between threads is bytes there; all of it arrives.
  expect(sum('numBytesOut')).toBeGreaterThan(0)
  expect(sum('numBytesIn')).toBeLessThanOrEqual(sum('numBytesOut'))
})

test('busy, idle and back-pressured time add up to a second', async () => {
  const metrics = await metricsOf(passing)
  for (const { values } of metrics.tasks) {
    const { busyTimeMsPerSecond: busy, idleTimeMsPerSecond: idle, backPressuredTimeMsPerSecond: held } = values
    expect((busy as number) + (idle as number) + (held as number)).toBeCloseTo(1000, 6)
  }
})

test('a function that takes a millisecond a record is busy, and its source held back', async () => {
  const time = new VirtualTime()
  let burntMs = 0
  const clock = { now: () => time.now() + burntMs, monotonicMs: () => time.monotonicMs() + burntMs }
  const asked: Promise<JobMetrics>[] = []
  const env = StreamExecutionEnvironment.create({ parallelism: 1 })
  env
    .fromCollection(Array.from({ length: 20_000 }, (_, n) => n))
    .name('Numbers')
    .keyBy((n) => n % 7)
    .reduce((a, n) => {
      burntMs++
      if (n === 10_000) asked.push(job.collectMetrics())
      return a
    })
    .name('Burn')
    .sinkTo(collectSink(new Collected<number>()))
  const graph = env.compile('burning')
  const world = { graph, clock, scheduler: time, random: seededRandom(1), fileSystems: createFileSystems({}) }
  const launcher = inProcessThread({ ...world, checkpointMode: 'exactly-once', autoWatermarkIntervalMs: 0 })
  const job = new JobCoordinator(
    { ...world, launcher },
    {
      checkpoints: undefined,
      checkpointFolder: undefined,
      restartStrategy: { kind: 'none' },
      restoreFrom: undefined,
      allowNonRestoredState: false,
      epoch: undefined,
      logLevel: 'error',
    },
  )
  job.start()
  while (asked.length === 0) await time.advance(1)
  await time.advance(1)
  const [metrics] = await Promise.all(asked)
  const of = (name: string, metric: string) =>
    metrics?.tasks.find(({ taskName }) => taskName.includes(name))?.values[metric] ?? Number.NaN
  expect(of('Burn', 'busyTimeMsPerSecond')).toBeGreaterThan(950)
  expect(of('Burn', 'numRecordsInPerSecond')).toBeGreaterThan(900)
  expect(of('Numbers', 'backPressuredTimeMsPerSecond')).toBeGreaterThan(950)
  job.cancel()
  await time.advance(10_000)
  expect((await job.result).state).toMatch(/FINISHED|CANCELED/)
})
