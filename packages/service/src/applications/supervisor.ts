import { asEngineError } from '@millrace/engine/spi'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { OperationRecord } from './application-record.ts'
import { notRunning } from './job-failure.ts'
import { JobKeeper } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { OperationRunner } from './operation-runner.ts'
import { SnapshotTaker } from './snapshot-taker.ts'
import { StoredApplication } from './stored-application.ts'
import { Interrupted, Turn } from './turn.ts'

/**
 * Carries out what was accepted for one application, one thing at a time, and keeps its job running in between. All it
 * knows is in the store: another one, in another process, goes on from there at any point.
 */
export class Supervisor {
  readonly #name: string
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #keeper: JobKeeper
  readonly #runner: OperationRunner
  readonly #snapshots: SnapshotTaker
  #turn: Turn | undefined
  #tail: Promise<void>
  #waiting = 0
  #closed = false

  /** `after`: who attended to the application before is gone then. */
  constructor(name: string, parts: LifecycleParts, after: Promise<void> = Promise.resolve()) {
    this.#tail = after
    this.#name = name
    this.#parts = parts
    this.#stored = new StoredApplication(name, parts)
    this.#keeper = new JobKeeper(name, parts, this.#stored, (exit) =>
      this.#enqueue((turn) => this.#keeper.keepRunning(turn, exit)),
    )
    this.#runner = new OperationRunner(parts, this.#stored, this.#keeper)
    this.#snapshots = new SnapshotTaker(parts, this.#stored, this.#keeper)
  }

  /** Nothing to do and no job: it can be forgotten. */
  get idle(): boolean {
    return this.#waiting === 0 && this.#keeper.job === undefined
  }

  /** Carries out an accepted operation. `end`: the job is in its way. `takenUp`: a killed service began it. */
  carryOut(operation: OperationRecord, { end = false, takenUp = false } = {}): void {
    this.#turn?.interrupt()
    if (end) this.#keeper.askToEnd()
    this.#enqueue((turn) => this.#operation(turn, operation, takenUp))
  }

  /** Carries the operation out if it is stored: the answer of the write that accepts it was lost. */
  checkAccepted(operation: OperationRecord): void {
    this.#enqueue((turn) => this.#operation(turn, operation, true))
  }

  /** Starts the job of an application that is RUNNING and has none. */
  resume(): void {
    this.#enqueue((turn) => this.#keeper.keepRunning(turn, undefined))
  }

  /** Takes the snapshot that is CREATING. It ends READY or FAILED. */
  takeSnapshot(snapshot: SnapshotRecord): void {
    this.#enqueue((turn) => this.#snapshots.take(turn, snapshot))
  }

  /**
   * Ends the job so that nothing is lost; the application stays RUNNING without one until it's woken or changed.
   * Errors: `NOT_RUNNING`, and why it couldn't be ended: it goes on then.
   */
  hibernate(): Promise<void> {
    return this.#ask(async (turn) => {
      const application = await this.#stored.read()
      if (application?.status !== 'RUNNING') throw notRunning()
      if (application.hibernatedSinceMs !== undefined) return
      if (this.#keeper.job === undefined) throw notRunning()
      const { application: ended, finished } = await this.#keeper.end(turn, application, application, 'suspend')
      if (finished) throw notRunning()
      await this.#stored.change(turn, ended, { hibernatedSinceMs: this.#parts.clock.now() }, [])
    })
  }

  /** Starts the job again that hibernates; resolves when it runs. */
  wake(): Promise<void> {
    return this.#ask((turn) => this.#snapshots.wake(turn))
  }

  /** Ends the job; the application goes on when the service does. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stored.close()
    const busy = this.#turn !== undefined
    this.#turn?.interrupt()
    await this.#keeper.leave({ inGoodOrder: !busy })
    await this.#tail
  }

  /**
   * Another node may attend to the application: the job is killed at once and nothing more is written. Resolves when the job is
   * gone.
   */
  async abandon(): Promise<void> {
    this.#closed = true
    this.#stored.abandon()
    this.#turn?.interrupt()
    await this.#keeper.leave({ inGoodOrder: false })
  }

  /** As `#enqueue`, and answers with how it ended. */
  #ask(work: (turn: Turn) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(notRunning())
      this.#enqueue((turn) => work(turn).then(resolve, (error) => reject(interruptionTold(error))))
    })
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
        if (isOwnershipLost(error)) this.#parts.ownership.refused(this.#name)
        else if (!(error instanceof Interrupted)) this.#tellBug(error)
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
    const application = await this.#stored.read()
    const operation = await this.#stored.inProgress(id)
    // A forced stop may have cancelled it before its turn came; what it interrupted may have to go on.
    if (operation === undefined) return this.#keeper.keepRunning(turn, undefined)
    if (application === undefined) return
    try {
      await this.#runner.perform(turn, application, operation, takenUp)
    } catch (error) {
      if (error instanceof Interrupted) return this.#again(id)
      if (isOwnershipLost(error)) throw error
      await this.#failed(turn, id, error, takenUp)
    }
  }

  /** The rollback that the failure may have begun has its turn next. */
  async #failed(turn: Turn, id: string, error: unknown, takenUp: boolean): Promise<void> {
    try {
      await this.#runner.failed(turn, id, error, takenUp)
    } finally {
      const rollbackId = (await this.#stored.operation(id))?.rollbackOperationId
      const rollback = rollbackId === undefined ? undefined : await this.#stored.inProgress(rollbackId)
      if (rollback !== undefined) this.carryOut(rollback)
    }
  }

  /**
   * Who interrupts may come too late itself, and a write whose answer was lost looks like a call that came in between:
   * the store tells what is left to do.
   */
  async #again(id: string): Promise<void> {
    const operation = await this.#stored.inProgress(id)
    if (operation !== undefined) this.carryOut(operation, { takenUp: true })
  }
}

/** The application is another node's, which does what is left to do. */
function isOwnershipLost(error: unknown): boolean {
  return asEngineError(error, 'bug').code === 'OWNERSHIP_LOST'
}

function interruptionTold(error: unknown): unknown {
  return error instanceof Interrupted ? notRunning() : error
}
