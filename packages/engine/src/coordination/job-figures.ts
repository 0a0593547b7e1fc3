import type { Clock } from '../common/clock.ts'
import type { JobState } from './job-coordinator.ts'
import type { CheckpointReport } from './monitor/checkpoint-history.ts'

/** How long a job was in which state, over all its attempts. */
export class JobStateTimes {
  readonly #clock: Clock
  readonly #totalMs = new Map<JobState, number>()
  #state: JobState = 'CREATED'
  #sinceMs: number
  /** It ran, and runs no more. */
  #downSinceMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonicMs()
  }

  entered(state: JobState): void {
    const nowMs = this.#clock.monotonicMs()
    this.#totalMs.set(this.#state, (this.#totalMs.get(this.#state) ?? 0) + nowMs - this.#sinceMs)
    if (this.#state === 'RUNNING') this.#downSinceMs = nowMs
    if (state === 'RUNNING') this.#downSinceMs = undefined
    this.#state = state
    this.#sinceMs = nowMs
  }

  /** Ms under Flink's names: `…Time` is 0 unless the job is in that state, `…TimeTotal` is all of it. */
  collect(): Record<string, number> {
    const nowMs = this.#clock.monotonicMs()
    const inStateMs = (state: JobState): number => (this.#state === state ? nowMs - this.#sinceMs : 0)
    const totalMs = (state: JobState): number => (this.#totalMs.get(state) ?? 0) + inStateMs(state)
    return {
      uptime: inStateMs('RUNNING'),
      downtime: this.#downSinceMs === undefined ? 0 : nowMs - this.#downSinceMs,
      initializingTime: inStateMs('INITIALIZING'),
      initializingTimeTotal: totalMs('INITIALIZING'),
      runningTime: inStateMs('RUNNING'),
      runningTimeTotal: totalMs('RUNNING'),
      restartingTime: inStateMs('RESTARTING'),
      restartingTimeTotal: totalMs('RESTARTING'),
      cancellingTime: inStateMs('CANCELLING'),
      cancellingTimeTotal: totalMs('CANCELLING'),
    }
  }
}

/** Flink's figures of a job's checkpoints: durations in ms, sizes in bytes, timestamps epoch ms. Null: there was none. */
export function checkpointFigures({ counts, latest }: CheckpointReport): Record<string, number | null> {
  const { completed, restored } = latest
  return {
    totalNumberOfCheckpoints: counts.total,
    numberOfCompletedCheckpoints: counts.completed,
    numberOfFailedCheckpoints: counts.failed,
    numberOfInProgressCheckpoints: counts.inProgress,
    lastCheckpointDuration: completed?.durationMs ?? null,
    lastCheckpointSize: completed?.sizeBytes ?? null,
    // Every checkpoint holds all of the state.
    lastCheckpointFullSize: completed?.sizeBytes ?? null,
    lastCompletedCheckpointId: completed?.id ?? null,
    lastCheckpointCompletedTimestamp: completed === null ? null : completed.triggeredMs + completed.durationMs,
    lastCheckpointRestoreTimestamp: restored?.restoredMs ?? null,
  }
}
