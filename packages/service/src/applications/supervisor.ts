import { asEngineError, type Clock, EngineError, type Logger, type Random, type Scheduler } from '@millrace/engine/spi'
import type { Job, JobExit, JobLauncher } from '../jobs/job-launcher.ts'
import { RestartDelay } from '../jobs/restart-delay.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { ApplicationConfiguration, ApplicationRecord, OperationRecord, RunLineage } from './application-record.ts'
import { rootCause } from './root-cause.ts'
import { type LifecycleEvent, nextStatus } from './state-machine.ts'
import { Interrupted, Turn, within } from './turn.ts'

/** What the lifecycle is built from. */
export interface LifecycleParts {
  readonly store: ApplicationStore
  readonly launcher: JobLauncher
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}

/** What takes longer fails, so that every operation ends within ten minutes: an update is a stop and a start. */
const startLimitMs = 180_000
const stopLimitMs = 300_000
const cancelLimitMs = 10_000
/** An orphan of a killed service dies by itself as soon as it notices that nobody controls it. */
const orphanLimitMs = 30_000
const retryMs = 200
const storeRetryMs = 500
/** Deaths of the job while it is being stopped. */
const stopAttempts = 3

type Change = Parameters<ApplicationStore['change']>[2]

interface Stopped {
  readonly application: ApplicationRecord
  /** Undefined without a snapshot, and when the job had come to its end by itself. */
  readonly savepoint: string | undefined
  readonly finished: boolean
}

/**
 * Carries out what was accepted for one application, one thing at a time, and keeps its job running in between. All it
 * knows is in the store: another one, in another process, goes on from there at any point.
 */
export class Supervisor {
  readonly #name: string
  readonly #parts: LifecycleParts
  readonly #delay: RestartDelay
  #job: Job | undefined
  #turn: Turn | undefined
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #closed = false

  constructor(name: string, parts: LifecycleParts) {
    this.#name = name
    this.#parts = parts
    this.#delay = new RestartDelay(parts.clock, parts.random)
  }

  /** Nothing to do and no job: it can be forgotten. */
  get idle(): boolean {
    return this.#waiting === 0 && this.#job === undefined
  }

  /** Carries out an accepted operation. `end`: the job is in its way. `takenUp`: a killed service began it. */
  carryOut(operation: OperationRecord, { end = false, takenUp = false } = {}): void {
    this.#turn?.interrupt()
    if (end && this.#job !== undefined) this.#askToEnd(this.#job)
    this.#enqueue((turn) => this.#operation(turn, operation, takenUp))
  }

  /** Carries the operation out if it is stored: the answer of the write that accepts it was lost. */
  checkAccepted(operation: OperationRecord): void {
    this.#enqueue((turn) => this.#operation(turn, operation, true))
  }

  /** Starts the job of an application that is RUNNING and has none. */
  resume(): void {
    this.#enqueue((turn) => this.#keepRunning(turn, undefined))
  }

  /** Ends the job; the application goes on when the service does. */
  async close(): Promise<void> {
    this.#closed = true
    const idle = this.#turn === undefined
    this.#turn?.interrupt()
    const job = this.#job
    if (job !== undefined) {
      if (idle) await this.#suspend(job)
      job.kill()
      await job.exited
    }
    await this.#tail
  }

  async #suspend(job: Job): Promise<void> {
    const { scheduler, logger } = this.#parts
    try {
      await within(scheduler, cancelLimitMs, job.suspend(), () => tookTooLong('stop', cancelLimitMs))
    } catch (error) {
      logger.warn('job not stopped in good order', { application: this.#name, reason: asEngineError(error).message })
    }
  }

  #enqueue(work: (turn: Turn) => Promise<void>): void {
    if (this.#closed) return
    this.#waiting++
    this.#tail = this.#tail.then(async () => {
      const turn = new Turn(this.#parts.scheduler)
      this.#turn = turn
      try {
        if (!this.#closed) await work(turn)
      } catch (error) {
        if (!(error instanceof Interrupted)) this.#tellBug(error)
      } finally {
        this.#turn = undefined
        this.#waiting--
      }
    })
  }

  #tellBug(error: unknown): void {
    const { message, stack } = asEngineError(error, 'bug')
    this.#parts.logger.error('application not attended to', { application: this.#name, reason: message, stack })
  }

  async #operation(turn: Turn, accepted: OperationRecord, takenUp: boolean): Promise<void> {
    const { id } = accepted
    const application = await this.#read()
    const operation = await this.#inProgress(id)
    // A forced stop may have cancelled it before its turn came; what it interrupted may have to go on.
    if (operation === undefined) return this.#keepRunning(turn, undefined)
    if (application === undefined) return
    try {
      await this.#perform(turn, application, operation, takenUp)
    } catch (error) {
      if (error instanceof Interrupted) return this.#again(id)
      await this.#failed(turn, id, error, takenUp)
    }
  }

  async #inProgress(id: string): Promise<OperationRecord | undefined> {
    const operation = await this.#untilStored(() => this.#parts.store.operation(this.#name, id))
    return operation?.status === 'IN_PROGRESS' ? operation : undefined
  }

  /**
   * Who interrupts may come too late itself, and a write whose answer was lost looks like a call that came in between:
   * the store tells what is left to do.
   */
  async #again(id: string): Promise<void> {
    const operation = await this.#inProgress(id)
    if (operation !== undefined) this.carryOut(operation, { takenUp: true })
  }

  #perform(turn: Turn, application: ApplicationRecord, operation: OperationRecord, takenUp: boolean): Promise<void> {
    switch (operation.name) {
      case 'StartApplication':
        return this.#start(turn, application, operation)
      case 'StopApplication':
        return application.status === 'FORCE_STOPPING'
          ? this.#forceStop(turn, application, operation)
          : this.#stop(turn, application, operation)
      case 'UpdateApplication':
        return this.#update(turn, application, operation, takenUp)
      case 'DeleteApplication':
        return this.#delete(turn, application, operation)
      case 'CreateApplication':
        throw new EngineError('OPERATION_UNEXPECTED', { kind: 'bug', message: 'A creation is never left in progress.' })
    }
  }

  async #start(turn: Turn, accepted: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#parts.launcher.prepare(accepted)
    let application = accepted
    if (operation.arguments['begun'] !== true) {
      const lineageBefore = application.lineage ?? null
      const begun = { ...operation, arguments: { ...operation.arguments, begun: true, lineageBefore } }
      application = await this.#change(turn, application, { lineage: lineageOfStart(application) }, [begun])
    }
    application = await this.#run(turn, application, application)
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  async #stop(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { application, savepoint } = await this.#end(turn, before, before)
    const latestSavepoint = savepoint ?? application.latestSavepoint
    await this.#succeeded(turn, application, operation, 'succeededStopped', { latestSavepoint, lineage: undefined })
  }

  async #forceStop(turn: Turn, application: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#cancelJob()
    await this.#succeeded(turn, application, operation, 'succeededStopped', { lineage: undefined })
  }

  async #update(turn: Turn, before: ApplicationRecord, operation: OperationRecord, takenUp: boolean): Promise<void> {
    if (operation.statusBefore !== 'RUNNING') return this.#succeeded(turn, before, operation, 'succeededStopped')
    await this.#parts.launcher.prepare(before)
    let application = before
    if (operation.arguments['stopped'] !== true) {
      const old = await this.#oldVersion(before, operation)
      if (onlyLogLevelDiffers(old.configuration, before.configuration) && operation.arguments['skip'] !== true) {
        return this.#changeLogLevel(turn, before, operation)
      }
      const end = await this.#end(turn, before, old)
      if (end.finished) {
        return this.#succeeded(turn, end.application, operation, 'succeededStopped', { lineage: undefined })
      }
      const latestSavepoint = end.savepoint ?? end.application.latestSavepoint
      const restoredFrom = operation.arguments['skip'] === true ? undefined : latestSavepoint
      const lineage = { sinceEpoch: end.application.epoch + 1, restoredFrom }
      const stopped = { ...operation, arguments: { ...operation.arguments, stopped: true } }
      application = await this.#change(turn, end.application, { latestSavepoint, lineage }, [stopped])
    }
    application = await this.#run(turn, application, application)
    await this.#succeeded(turn, application, operation, 'succeededRunning')
    if (takenUp) this.#parts.launcher.log(application, 'info', 'update taken up after a restart of the service')
  }

  async #changeLogLevel(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    this.#job?.setLogLevel(logLevelOf(before))
    const application = this.#job === undefined ? await this.#run(turn, before, before) : before
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  /** The version that runs until the update stops it, with what the application is now for the rest. */
  async #oldVersion(application: ApplicationRecord, { versionFrom }: OperationRecord): Promise<ApplicationRecord> {
    const old = versionFrom === undefined ? undefined : await this.#parts.store.version(this.#name, versionFrom)
    if (old === undefined) {
      throw new EngineError('VERSION_MISSING', {
        kind: 'bug',
        message: `Version ${versionFrom} of ${this.#name} isn't in the store.`,
      })
    }
    const { configuration, versionId, runtimeEnvironment, serviceExecutionRole } = old
    return { ...application, configuration, versionId, runtimeEnvironment, serviceExecutionRole }
  }

  async #delete(turn: Turn, application: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#cancelJob()
    await this.#parts.launcher.remove(this.#name)
    turn.check()
    const done = this.#ended(operation, 'SUCCESSFUL', undefined)
    await this.#untilStored(async () => {
      // A deletion whose answer was lost has freed the name: another application may have it by now.
      const stored = await this.#parts.store.operation(application.name, operation.id)
      if (stored?.status === 'IN_PROGRESS') await this.#parts.store.deleteApplication(application.name, done)
    })
  }

  /** After a failure nothing runs, and what the next start goes on from loses nothing that was done. */
  async #failed(turn: Turn, id: string, error: unknown, takenUp: boolean): Promise<void> {
    await this.#cancelJob()
    turn.check()
    const application = await this.#read()
    const operation = await this.#inProgress(id)
    if (application === undefined || operation === undefined) return
    const cause = rootCause(error)
    this.#parts.launcher.log(application, 'error', `${operation.name} failed`, { reason: cause, ...stackOf(error) })
    // What was taken up may have run before.
    const change = takenUp ? {} : lineageAfterFailure(operation)
    await this.#transition(turn, application, 'failed', change, [this.#ended(operation, 'FAILED', cause)])
  }

  async #succeeded(
    turn: Turn,
    application: ApplicationRecord,
    operation: OperationRecord,
    event: LifecycleEvent,
    change: Change = {},
  ): Promise<void> {
    await this.#transition(turn, application, event, change, [this.#ended(operation, 'SUCCESSFUL', undefined)])
    this.#parts.launcher.log(application, 'info', `${operation.name} succeeded`)
  }

  #ended(operation: OperationRecord, status: 'SUCCESSFUL' | 'FAILED', error: string | undefined): OperationRecord {
    return { ...operation, status, error, endedMs: this.#parts.clock.now() }
  }

  async #transition(
    turn: Turn,
    application: ApplicationRecord,
    event: LifecycleEvent,
    change: Change,
    operations: readonly OperationRecord[],
  ): Promise<void> {
    const status = nextStatus(application.status, event)
    if (status === 'refused' || status === 'GONE') {
      throw new EngineError('TRANSITION_UNKNOWN', {
        kind: 'bug',
        message: `${event} can't happen to an application that is ${application.status}.`,
      })
    }
    await this.#change(turn, application, { ...change, status }, operations)
  }

  /** Compare-and-set; `Interrupted` when a call was accepted meanwhile. */
  async #change(
    turn: Turn,
    application: ApplicationRecord,
    change: Change,
    operations: readonly OperationRecord[],
  ): Promise<ApplicationRecord> {
    turn.check()
    const { store } = this.#parts
    const { name, status, versionId } = application
    let tried = false
    const changed = await this.#untilStored(async () => {
      // A write whose answer was lost may have been done, and others may have brought the same status about again.
      if (tried && !isUnchanged(application, await store.application(name))) return false
      tried = true
      return store.change(name, { status, versionId }, change, operations)
    })
    if (!changed) throw new Interrupted()
    return { ...application, ...change }
  }

  /** The store may be out of reach for a while: what has been done can't be forgotten for that. */
  async #untilStored<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        const { kind, message } = asEngineError(error, 'bug')
        if (kind !== 'unavailable' || this.#closed) throw error
        this.#parts.logger.error('store out of reach', { application: this.#name, reason: message })
        await new Promise<void>((resolve) => this.#parts.scheduler.after(storeRetryMs, resolve))
      }
    }
  }

  #read(): Promise<ApplicationRecord | undefined> {
    return this.#untilStored(() => this.#parts.store.application(this.#name))
  }

  /** Starts a process of `version` and waits until it runs. The epoch is stored first: it fences whoever lived before. */
  async #run(
    turn: Turn,
    before: ApplicationRecord,
    version: ApplicationRecord,
    limitMs = startLimitMs,
  ): Promise<ApplicationRecord> {
    const { scheduler, clock } = this.#parts
    let application = before
    // Work that was interrupted may have left one.
    await this.#cancelJob()
    for (const giveUpMs = clock.monotonicMs() + Math.min(orphanLimitMs, limitMs); ; ) {
      const epoch = application.epoch + 1
      const lineage = application.lineage ?? { sinceEpoch: epoch, restoredFrom: undefined }
      application = await this.#change(turn, application, { epoch, lineage }, [])
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
      if (ran) this.#enqueue((turn) => this.#keepRunning(turn, exit))
    })
    return job
  }

  /** Ends the job, by savepoint when snapshots are on; starts it again for that when it isn't there. */
  async #end(turn: Turn, before: ApplicationRecord, version: ApplicationRecord): Promise<Stopped> {
    let application = before
    if (!version.configuration.snapshotsEnabled) {
      await this.#cancelJob()
      return { application, savepoint: undefined, finished: false }
    }
    const giveUpMs = this.#parts.clock.monotonicMs() + stopLimitMs
    for (let attempt = 1; ; attempt++) {
      if (this.#job === undefined) {
        application = await this.#run(turn, application, version, this.#untilMs(giveUpMs, startLimitMs))
      }
      const job: Job | undefined = this.#job
      if (job === undefined) continue
      try {
        return { application, savepoint: await this.#savepointAndEnd(turn, job, giveUpMs), finished: false }
      } catch (error) {
        turn.check()
        if (this.#job === job) throw error
        const exit = await job.exited
        if (exit.outcome === 'FINISHED') return { application, savepoint: undefined, finished: true }
        if (attempt === stopAttempts || isPermanent(exit)) throw exit.cause ?? error
      }
    }
  }

  /** Milliseconds until then, at most `limitMs`. */
  #untilMs(monotonicMs: number, limitMs: number): number {
    return Math.max(0, Math.min(limitMs, monotonicMs - this.#parts.clock.monotonicMs()))
  }

  async #savepointAndEnd(turn: Turn, job: Job, giveUpMs: number): Promise<string> {
    const { scheduler, clock } = this.#parts
    const late = (): Error => tookTooLong('stop', stopLimitMs)
    for (;;) {
      try {
        await within(scheduler, this.#untilMs(giveUpMs, startLimitMs), job.running, late)
        const savepoint = await within(scheduler, this.#untilMs(giveUpMs, stopLimitMs), job.stop(), late)
        await job.exited
        return savepoint
      } catch (error) {
        if (asEngineError(error).code === 'APPLICATION_EXITED') await job.exited
        // It is between a failure and its restart.
        const notNow = this.#job === job && asEngineError(error).code === 'NOT_RUNNING'
        if (!notNow || clock.monotonicMs() >= giveUpMs) throw error
        await turn.sleep(retryMs)
      }
    }
  }

  async #cancelJob(): Promise<void> {
    const job = this.#job
    if (job === undefined) return
    this.#askToEnd(job)
    await job.exited
  }

  /** In good order, so that its last lines are logged; by force when it doesn't listen. */
  #askToEnd(job: Job): void {
    job.cancel()
    const killing = this.#parts.scheduler.after(cancelLimitMs, () => job.kill())
    job.exited.then(() => killing.cancel())
  }

  /** A job ended that nobody stopped, or none is there: RUNNING is a promise to keep. */
  async #keepRunning(turn: Turn, ended: JobExit | undefined): Promise<void> {
    let exit = ended
    for (;;) {
      const application = await this.#read()
      if (application?.status !== 'RUNNING' || this.#job !== undefined) return
      if (exit?.outcome === 'FINISHED') {
        this.#parts.launcher.log(application, 'info', 'the job has come to the end of its input')
        return this.#transition(turn, application, 'jobFinished', { lineage: undefined }, [])
      }
      if (exit !== undefined) {
        const reason = { reason: exit.cause === undefined ? 'its process ended' : rootCause(exit.cause) }
        if (isPermanent(exit)) {
          this.#parts.launcher.log(application, 'error', 'the job failed for good', {
            ...reason,
            ...stackOf(exit.cause),
          })
          return this.#transition(turn, application, 'jobGaveUp', {}, [])
        }
        const delayMs = this.#delay.next()
        this.#parts.launcher.log(application, 'warn', 'the job failed and is started again', { ...reason, delayMs })
        await turn.sleep(delayMs)
      }
      try {
        await this.#run(turn, application, application)
        return
      } catch (error) {
        if (error instanceof Interrupted) {
          turn.check()
          continue
        }
        exit = { outcome: 'FAILED', cause: asEngineError(error) }
      }
    }
  }
}

/** Every accepted call changes `lastUpdatedMs`, every process of a job the epoch. */
function isUnchanged(before: ApplicationRecord, now: ApplicationRecord | undefined): boolean {
  return (
    now !== undefined &&
    now.status === before.status &&
    now.versionId === before.versionId &&
    now.epoch === before.epoch &&
    now.lastUpdatedMs === before.lastUpdatedMs
  )
}

/** No restart can mend it: somebody must change the application, or look at what is stored. */
function isPermanent({ cause }: JobExit): boolean {
  const occupied = cause?.code === 'APPLICATION_RUNNING'
  return cause !== undefined && !occupied && ['invalid', 'corrupt', 'bug'].includes(cause.kind)
}

/** What a start goes on from, as its run configuration says. */
function lineageOfStart({ epoch, lineage, latestSavepoint, runConfiguration }: ApplicationRecord): RunLineage {
  const sinceEpoch = epoch + 1
  if (runConfiguration?.restoreType === 'SKIP_RESTORE_FROM_SNAPSHOT') return { sinceEpoch, restoredFrom: undefined }
  // A run that failed goes on from its newest checkpoint: the older snapshot would repeat what was committed since.
  return lineage ?? { sinceEpoch, restoredFrom: latestSavepoint }
}

/** What began nothing leaves the run before it as the newest. */
function lineageAfterFailure({ name, arguments: given }: OperationRecord): Change {
  if (name === 'StartApplication' && given['begun'] === true) {
    return { lineage: (given['lineageBefore'] as RunLineage | null) ?? undefined }
  }
  if (name === 'UpdateApplication' && given['stopped'] === true && given['skip'] === true) return { lineage: undefined }
  return {}
}

function onlyLogLevelDiffers(a: ApplicationConfiguration, b: ApplicationConfiguration): boolean {
  const rest = ({ monitoring, ...others }: ApplicationConfiguration): string =>
    JSON.stringify({ ...others, monitoring: { ...monitoring, logLevel: undefined, configurationType: undefined } })
  return a.monitoring.logLevel !== b.monitoring.logLevel && rest(a) === rest(b)
}

function logLevelOf({ configuration }: ApplicationRecord): 'debug' | 'info' | 'warn' | 'error' {
  return configuration.monitoring.logLevel.toLowerCase() as 'debug' | 'info' | 'warn' | 'error'
}

function stackOf(error: unknown): { readonly stack?: string } {
  return error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}
}

function tookTooLong(what: string, limitMs: number): EngineError {
  return new EngineError('JOB_TOO_SLOW', {
    kind: 'unavailable',
    message: `The job did not ${what} within ${limitMs / 1000} s.`,
    hint: 'Its log tells how far it came: millrace logs <application>.',
  })
}
