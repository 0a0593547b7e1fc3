import { expect, test } from 'vitest'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { SimulatedCluster } from '../testing/simulated-cluster.ts'
import type { JobState } from './job-coordinator.ts'
import { simulatedAttempt } from './simulated-job-fixture.ts'

test('who asks for metrics while a job ends does not hold up its end', async () => {
  const simulated = new SimulatedCluster(3)
  const { time } = simulated
  const { job } = simulated.start({
    ...simulatedAttempt,
    declare: (env) => void env.fromCollection([1, 2, 3]).sinkTo(collectSink(new Collected<number>())),
    autoWatermarkIntervalMs: 0,
  })
  while ((job.state as JobState) !== 'RUNNING') await time.step()
  const fromMs = time.nowMs
  const asked = [job.collectMetrics()]
  job.cancel()
  asked.push(job.collectMetrics())
  await time.until(Promise.all([job.result, ...asked]), 10_000)
  // A thread that doesn't answer is waited for a second.
  expect(time.nowMs - fromMs).toBeLessThan(900)
  expect(job.state).toBe('CANCELED')
})
