import { asEngineError } from '@millrace/engine/spi'
import type { OperationRecord } from './application-record.ts'
import { JobKeeper } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { OperationRunner } from './operation-runner.ts'
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
  #turn: Turn | undefined
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #closed = false

  constructor(name: string, parts: LifecycleParts) {
    this.#name = name
    this.#parts = parts
    this.#stored = new StoredApplication(name, parts)
    this.#keeper = new JobKeeper(name, parts, this.#stored, (exit) =>
      this.#enqueue((turn) => this.#keeper.keepRunning(turn, exit)),
    )
    this.#runner = new OperationRunner(name, parts, this.#stored, this.#keeper)
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

  /** Ends the job; the application goes on when the service does. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stored.close()
    const busy = this.#turn !== undefined
    this.#turn?.interrupt()
    await this.#keeper.leave({ inGoodOrder: !busy })
    await this.#tail
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
    const application = await this.#stored.read()
    const operation = await this.#stored.inProgress(id)
    // A forced stop may have cancelled it before its turn came; what it interrupted may have to go on.
    if (operation === undefined) return this.#keeper.keepRunning(turn, undefined)
    if (application === undefined) return
    try {
      await this.#runner.perform(turn, application, operation, takenUp)
    } catch (error) {
      if (error instanceof Interrupted) return this.#again(id)
      await this.#runner.failed(turn, id, error, takenUp)
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
