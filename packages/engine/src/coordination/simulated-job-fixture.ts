import type { SimulatedProcessSettings } from '../testing/simulated-cluster.ts'

/** A job of two threads on a simulated cluster as most tests want it; `declare` is theirs. */
export const simulatedJob: Omit<SimulatedProcessSettings, 'declare'> = {
  name: 'p',
  epoch: undefined,
  threads: 2,
  parallelism: 2,
  checkpoints: {
    intervalMs: 10,
    mode: 'exactly-once',
    timeoutMs: 1000,
    minPauseMs: 0,
    tolerableFailures: 0,
    retained: 1,
  },
  checkpointFolder: '/checkpoints',
  restoreFrom: 'latest',
  restartStrategy: { kind: 'fixed-delay', attempts: 2, delayMs: 10 },
  autoWatermarkIntervalMs: 50,
  maxDelayMs: 1,
  exchangeBytes: 64 * 1024,
}

/** The same with rare checkpoints, begun afresh, and without a restart: what it tells is of one attempt. */
export const simulatedAttempt: typeof simulatedJob = {
  ...simulatedJob,
  checkpoints: { ...simulatedJob.checkpoints, intervalMs: 1000 },
  restoreFrom: undefined,
  restartStrategy: { kind: 'none' },
}
