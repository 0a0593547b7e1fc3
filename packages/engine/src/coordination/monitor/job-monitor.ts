import type { Clock } from '../../common/clock.ts'
import type { EngineError } from '../../common/errors.ts'
import type { SubtaskId } from '../../runtime/task/messages.ts'
import type { JobGraph } from '../../runtime/task/task-description.ts'
import type { AttemptOutcome } from '../job-attempt.ts'
import type { JobState } from '../job-coordinator.ts'
import { CheckpointHistory } from './checkpoint-history.ts'
import { ExceptionHistory } from './exception-history.ts'
import { SubtaskExecutions } from './subtask-executions.ts'

/** Remembers what happens to a job, for whoever asks: states and when, failures, checkpoints. It decides nothing. */
export class JobMonitor {
  readonly checkpoints: CheckpointHistory
  readonly exceptions: ExceptionHistory
  readonly executions: SubtaskExecutions
  readonly #clock: Clock
  readonly #timestamps: Partial<Record<JobState, number>>
  #attempt = 1

  constructor(graph: JobGraph, clock: Clock) {
    this.#clock = clock
    this.#timestamps = { CREATED: clock.now() }
    this.checkpoints = new CheckpointHistory(graph, clock)
    this.exceptions = new ExceptionHistory(clock)
    this.executions = new SubtaskExecutions(graph, clock)
  }

  /** When the job last came into each state, epoch ms. */
  get timestamps(): Readonly<Partial<Record<JobState, number>>> {
    return { ...this.#timestamps }
  }

  jobIs(state: JobState): void {
    this.#timestamps[state] = this.#clock.now()
  }

  attemptBegins(attempt: number): void {
    this.#attempt = attempt
    this.executions.begin(attempt)
  }

  /** `subtask`: the one that failed, when it was one. */
  attemptFails(error: EngineError, subtask: SubtaskId | undefined): void {
    this.exceptions.add(this.#attempt, error)
    if (subtask !== undefined) this.executions.to(subtask, 'FAILED')
  }

  attemptEnds({ kind }: AttemptOutcome): void {
    this.executions.allTo(kind === 'finished' || kind === 'stopped' ? 'FINISHED' : 'CANCELED')
  }
}
