import { asEngineError, EngineError } from '@millrace/engine/spi'
import type { Job, JobExit, SavedState } from '../jobs/job-launcher.ts'
import { RestartDelay } from '../jobs/restart-delay.ts'
import type { ApplicationRecord } from './application-record.ts'
import { isPermanent, notRunning, stackOf, tookTooLong } from './job-failure.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { rootCause } from './root-cause.ts'
import type { StoredApplication } from './stored-application.ts'
import { Interrupted, type Turn, within } from './turn.ts'

/** What takes longer fails, so that every operation ends within ten minutes: an update is a stop and a start. */
const startLimitMs = 180_000
const stopLimitMs = 300_000
const cancelLimitMs = 10_000
/** An orphan of a killed service dies by itself as soon as it notices that nobody controls it. */
const orphanLimitMs = 30_000
/** An operation that comes meanwhile waits for it and still ends within its ten minutes. */
const savepointLimitMs = 100_000
const retryMs = 200
/** Deaths of the job while it is being stopped. */
const stopAttempts = 3

/** How a job is ended: with a savepoint; so that its newest checkpoint has all; or at once. */
export type Ending = 'savepoint' | 'drain' | 'suspend' | 'cancel'

/** How a job was ended. */
export interface Stopped {
  readonly application: ApplicationRecord
  /** Undefined when none was asked for, and when the job had come to its end by itself. */
  readonly savepoint: SavedState | undefined
  readonly finished: boolean
}

/** Starts, ends and restarts the one job of an application. All of it happens in the supervisor's turns. */
export class JobKeeper {
  readonly #name: string
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #onEnd: (exit: JobExit) => void
  readonly #delay: RestartDelay
  #job: Job | undefined

  /** `onEnd`: a job ended that had been running, whoever ended it. */
  constructor(name: string, parts: LifecycleParts, stored: StoredApplication, onEnd: (exit: JobExit) => void) {
    this.#name = name
    this.#parts = parts
    this.#stored = stored
    this.#onEnd = onEnd
    this.#delay = new RestartDelay(parts.clock, parts.random)
  }

  /** Undefined when no process is there. */
  get job(): Job | undefined {
    return this.#job
  }

  /** Starts a process of `version` and waits until it runs. The epoch is stored first: it fences whoever lived before. */
  async run(
    turn: Turn,
    before: ApplicationRecord,
    version: ApplicationRecord,
    limitMs = startLimitMs,
  ): Promise<ApplicationRecord> {
    const { scheduler, clock } = this.#parts
    let application = before
    // Work that was interrupted may have left one.
    await this.cancel()
    for (const giveUpMs = clock.monotonicMs() + Math.min(orphanLimitMs, limitMs); ; ) {
      const epoch = application.epoch + 1
      const lineage = application.lineage ?? { sinceEpoch: epoch, restoredFrom: undefined }
      // Who takes the application over from another node may have none of its code yet.
      await this.#parts.launcher.obtain?.(version)
      application = await this.#stored.change(turn, application, { epoch, lineage }, [])
      turn.check()
      const job = this.#launch({ ...version, epoch, lineage })
      try {
        await within(scheduler, limitMs, job.running, () => tookTooLong('run', limitMs))
        this.#delay.running()
        turn.check()
        return application
      } catch (error) {
        if (error instanceof Interrupted) throw error
        job.kill()
        await job.exited
        turn.check()
        const occupied = error instanceof EngineError && error.code === 'APPLICATION_RUNNING'
        if (!occupied || clock.monotonicMs() >= giveUpMs) throw error
        await turn.sleep(retryMs)
      }
    }
  }

  #launch(application: ApplicationRecord): Job {
    const { epoch, lineage } = application
    const job = this.#parts.launcher.launch({
      application,
      epoch,
      lineage: lineage ?? { sinceEpoch: epoch, restoredFrom: undefined },
    })
    this.#job = job
    let ran = false
    job.running.then(
      () => {
        ran = true
      },
      () => {},
    )
    job.exited.then((exit) => {
      if (this.#job === job) this.#job = undefined
      // Whoever waits for its first RUNNING learns of the failure there; everybody else here.
      if (ran) this.#onEnd(exit)
    })
    return job
  }

  /** Ends the job as told; starts it again for that when it isn't there. */
  async end(
    turn: Turn,
    before: ApplicationRecord,
    version: ApplicationRecord,
    ending: Ending,
    limitMs = stopLimitMs,
  ): Promise<Stopped> {
    let application = before
    if (ending === 'cancel') {
      await this.cancel()
      return { application, savepoint: undefined, finished: false }
    }
    const giveUpMs = this.#parts.clock.monotonicMs() + limitMs
    for (let attempt = 1; ; attempt++) {
      if (this.#job === undefined) {
        application = await this.run(turn, application, version, this.#untilMs(giveUpMs, startLimitMs))
      }
      const job: Job | undefined = this.#job
      if (job === undefined) continue
      try {
        const savepoint = await this.#saveAndEnd(turn, job, ending, giveUpMs)
        return { application, savepoint, finished: false }
      } catch (error) {
        turn.check()
        if (this.#job === job) throw error
        const exit = await job.exited
        if (exit.outcome === 'FINISHED') return { application, savepoint: undefined, finished: true }
        if (attempt === stopAttempts || isPermanent(exit)) throw exit.cause ?? error
      }
    }
  }

  /** A savepoint of the running job, which goes on. Errors: `NOT_RUNNING`, `JOB_TOO_SLOW`, why it failed. */
  async savepoint(turn: Turn): Promise<SavedState> {
    const { scheduler, clock } = this.#parts
    const giveUpMs = clock.monotonicMs() + savepointLimitMs
    for (;;) {
      const job = this.#job
      if (job === undefined) throw notRunning()
      try {
        return await within(scheduler, this.#untilMs(giveUpMs, savepointLimitMs), job.savepoint(), () =>
          tookTooLong('take a savepoint', savepointLimitMs),
        )
      } catch (error) {
        const notNow = this.#job === job && asEngineError(error).code === 'NOT_RUNNING'
        if (!notNow || turn.interrupted || clock.monotonicMs() >= giveUpMs) throw error
        await turn.sleep(retryMs)
      }
    }
  }

  /** Milliseconds until then, at most `limitMs`. */
  #untilMs(monotonicMs: number, limitMs: number): number {
    return Math.max(0, Math.min(limitMs, monotonicMs - this.#parts.clock.monotonicMs()))
  }

  async #saveAndEnd(
    turn: Turn,
    job: Job,
    ending: Exclude<Ending, 'cancel'>,
    giveUpMs: number,
  ): Promise<SavedState | undefined> {
    const { scheduler, clock } = this.#parts
    const late = (): Error => tookTooLong('stop', stopLimitMs)
    for (;;) {
      try {
        await within(scheduler, this.#untilMs(giveUpMs, startLimitMs), job.running, late)
        const ended: Promise<SavedState | void> =
          ending === 'suspend' ? job.suspend() : job.stop({ drain: ending === 'drain' })
        const savepoint = await within(scheduler, this.#untilMs(giveUpMs, stopLimitMs), ended, late)
        await job.exited
        return savepoint ?? undefined
      } catch (error) {
        if (asEngineError(error).code === 'APPLICATION_EXITED') await job.exited
        // It is between a failure and its restart.
        const notNow = this.#job === job && asEngineError(error).code === 'NOT_RUNNING'
        if (!notNow || clock.monotonicMs() >= giveUpMs) throw error
        await turn.sleep(retryMs)
      }
    }
  }

  /** Ends the job, if there is one, and waits until it is gone. */
  async cancel(): Promise<void> {
    const job = this.#job
    if (job === undefined) return
    this.askToEnd()
    await job.exited
  }

  /** In good order, so that its last lines are logged; by force when it doesn't listen. */
  askToEnd(): void {
    const job = this.#job
    if (job === undefined) return
    job.cancel()
    const killing = this.#parts.scheduler.after(cancelLimitMs, () => job.kill())
    job.exited.then(() => killing.cancel())
  }

  /** Ends the job of an application that goes on when the service does; in good order nothing is repeated then. */
  async leave({ inGoodOrder }: { readonly inGoodOrder: boolean }): Promise<void> {
    const job = this.#job
    if (job === undefined) return
    if (inGoodOrder) await this.#suspend(job)
    job.kill()
    await job.exited
  }

  /** A job ended that nobody stopped, or none is there: RUNNING is a promise to keep. */
  async keepRunning(turn: Turn, ended: JobExit | undefined): Promise<void> {
    let exit = ended
    for (;;) {
      const application = await this.#stored.read()
      if (application?.status !== 'RUNNING' || this.#job !== undefined) return
      if (application.hibernatedSinceMs !== undefined) return
      if (exit?.outcome === 'FINISHED') {
        this.#parts.launcher.log(application, 'info', 'the job has come to the end of its input')
        return this.#stored.transition(turn, application, 'jobFinished', { lineage: undefined }, [])
      }
      if (exit !== undefined) {
        const reason = { reason: exit.cause === undefined ? 'its process ended' : rootCause(exit.cause) }
        if (isPermanent(exit)) {
          this.#parts.launcher.log(application, 'error', 'the job failed for good', {
            ...reason,
            ...stackOf(exit.cause),
          })
          return this.#stored.transition(turn, application, 'jobGaveUp', {}, [])
        }
        const delayMs = this.#delay.next()
        this.#parts.launcher.log(application, 'warn', 'the job failed and is started again', { ...reason, delayMs })
        await turn.sleep(delayMs)
      }
      try {
        await this.run(turn, application, application)
        return
      } catch (error) {
        if (error instanceof Interrupted) {
          turn.check()
          continue
        }
        if (asEngineError(error, 'bug').code === 'OWNERSHIP_LOST') throw error
        exit = { outcome: 'FAILED', cause: asEngineError(error) }
      }
    }
  }

  async #suspend(job: Job): Promise<void> {
    const { scheduler, logger } = this.#parts
    try {
      await within(scheduler, cancelLimitMs, job.suspend(), () => tookTooLong('stop', cancelLimitMs))
    } catch (error) {
      logger.warn('job not stopped in good order', { application: this.#name, reason: asEngineError(error).message })
    }
  }
}
