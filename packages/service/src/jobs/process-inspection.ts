import type { CheckpointEntry, CheckpointReport, JobDetails, JobPlan } from '@millrace/engine/host'
import { asEngineError, type Clock } from '@millrace/engine/spi'
import type {
  ApplicationListener,
  ApplicationProcess,
  CheckpointEvent,
  MetricsEvent,
  Savepoint,
} from '../launchers/index.ts'
import type { JobEnd, JobInspection } from './job-inspection.ts'
import type { JobExit } from './job-launcher.ts'

/** How long an answer serves those who ask after it. */
const recentMs = 200
/** The same of its memory, which takes the kernel milliseconds to add up: those who ask each ten seconds get a new one a minute. */
const recentMemoryMs = 59_000

/** What it asks a process for. */
export type InspectedProcess = Pick<
  ApplicationProcess,
  'plan' | 'details' | 'checkpoints' | 'metrics' | 'checkpoint' | 'savepoint'
> & { memoryBytes(): Promise<number | undefined> }

interface Question<T> {
  answer: Promise<T | undefined> | undefined
  askedMs: number
  /** The last one that came. */
  known: T | undefined
}

const question = <T>(): Question<T> => ({ answer: undefined, askedMs: 0, known: undefined })

/** Inspects a job's process, and remembers. */
export class ProcessInspection implements JobInspection {
  readonly epoch: number
  readonly startedMs: number
  readonly #clock: Clock
  readonly #savepointFolder: () => string
  readonly #plan = question<JobPlan>()
  readonly #details = question<JobDetails>()
  readonly #checkpoints = question<CheckpointReport>()
  readonly #metrics = question<MetricsEvent>()
  readonly #memoryBytes = question<number>()
  #process: InspectedProcess | undefined
  #ended: JobEnd | undefined

  constructor(epoch: number, savepointFolder: () => string, clock: Clock) {
    this.epoch = epoch
    this.startedMs = clock.now()
    this.#savepointFolder = savepointFolder
    this.#clock = clock
  }

  get ended(): JobEnd | undefined {
    return this.#ended
  }

  /** What the process tells of itself, without being asked. */
  readonly listener: Pick<ApplicationListener, 'onPlan' | 'onDetails' | 'onCheckpoints'> = {
    onPlan: ({ plan }) => {
      this.#plan.known = plan
    },
    onDetails: ({ details }) => {
      this.#details.known = details
    },
    onCheckpoints: ({ checkpoints }) => {
      this.#checkpoints.known = checkpoints
    },
  }

  attach(process: InspectedProcess): void {
    this.#process = process
  }

  processEnded(exit: JobExit): void {
    this.#process = undefined
    this.#ended = { ...exit, atMs: this.#clock.now() }
  }

  async plan(): Promise<JobPlan | undefined> {
    // It never changes.
    return this.#plan.known ?? this.#ask(this.#plan, async (process) => (await process.plan()).plan)
  }

  details(): Promise<JobDetails | undefined> {
    return this.#ask(this.#details, async (process) => (await process.details()).details)
  }

  checkpoints(): Promise<CheckpointReport | undefined> {
    return this.#ask(this.#checkpoints, async (process) => (await process.checkpoints()).checkpoints)
  }

  async checkpoint(id: number): Promise<CheckpointEntry | undefined> {
    const answer = await this.#ask(question<{ entry: CheckpointEntry | undefined }>(), async (process) => ({
      entry: (await process.checkpoints(id)).checkpoint ?? undefined,
    }))
    if (answer !== undefined) return answer.entry
    const { history = [], latest } = this.#checkpoints.known ?? {}
    const known = [...history, latest?.completed, latest?.savepoint, latest?.failed]
    return known.find((one) => one?.id === id) ?? undefined
  }

  metrics(): Promise<MetricsEvent | undefined> {
    return this.#ask(this.#metrics, (process) => process.metrics())
  }

  async memoryBytes(): Promise<number | undefined> {
    return this.#ended ? undefined : this.#ask(this.#memoryBytes, (process) => process.memoryBytes(), recentMemoryMs)
  }

  async takeCheckpoint(): Promise<CheckpointEvent> {
    return this.#alive().checkpoint()
  }

  async takeSavepoint(): Promise<Savepoint> {
    return this.#alive().savepoint(this.#savepointFolder())
  }

  #alive(): InspectedProcess {
    if (this.#process !== undefined) return this.#process
    throw asEngineError({ code: 'NOT_RUNNING', kind: 'invalid', message: 'The application does not run.' })
  }

  #ask<T>(
    asked: Question<T>,
    ask: (process: InspectedProcess) => Promise<T | undefined>,
    servesMs = recentMs,
  ): Promise<T | undefined> {
    const process = this.#process
    if (process === undefined) return Promise.resolve(asked.known)
    const nowMs = this.#clock.monotonicMs()
    if (asked.answer === undefined || nowMs - asked.askedMs >= servesMs) {
      asked.askedMs = nowMs
      asked.answer = ask(process).then(
        (answer) => {
          asked.known = answer
          return answer
        },
        (error) => {
          const { code } = asEngineError(error)
          // Still being loaded, or gone meanwhile: what it told last is all there is.
          if (code === 'NOT_RUNNING' || code === 'APPLICATION_EXITED') return asked.known
          throw error
        },
      )
    }
    return asked.answer
  }
}
