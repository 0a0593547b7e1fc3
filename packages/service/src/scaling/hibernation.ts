import { asEngineError, type Cancellable, type LogLevel, type Scheduler, type Split } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { hibernationStep, type IdleSince } from './hibernation-policy.ts'
import type { ScalingPoint } from './scaling-point.ts'
import type { SourceListener, SourceProbe } from './source-probe.ts'

/** What applications are put to sleep and woken by. */
export interface HibernationParts {
  /** Stops the job with its state kept; the application stays RUNNING for its users. Resolves when it sleeps. */
  hibernate(application: ApplicationRecord): Promise<unknown>
  /** Starts the job from its state. Resolves when it runs. */
  wake(application: ApplicationRecord): Promise<unknown>
  /** Whether its job has been put to sleep, not only told to. */
  isAsleep(application: ApplicationRecord): boolean
  /** The application as it is now. */
  application(name: string): Promise<ApplicationRecord | undefined>
  /**
   * Where its sources stand: by the savepoint it sleeps on, of a running one by its newest checkpoint; undefined when there
   * is none.
   */
  splits(application: ApplicationRecord): Promise<readonly Split[] | undefined>
  readonly probes: readonly SourceProbe[]
  log(application: ApplicationRecord, level: LogLevel, message: string, fields?: Record<string, unknown>): void
  readonly scheduler: Scheduler
}

const wakeRetryMs = 200

interface Watched {
  readonly watch: Cancellable
  readonly epoch: number
}

/** Puts idle applications to sleep and wakes them when their sources have something. */
export class Hibernation {
  readonly #parts: HibernationParts
  readonly #idleSince = new Map<string, IdleSince>()
  /** Versions whose sources can't be watched: told once. */
  readonly #refused = new Map<string, number>()
  readonly #watched = new Map<string, Watched>()
  readonly #fallingAsleep = new Set<string>()
  #closed = false

  constructor(parts: HibernationParts) {
    this.#parts = parts
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const name of this.#watched.keys()) this.#unwatch(name)
  }

  forgetOthers(names: ReadonlySet<string>): void {
    for (const map of [this.#idleSince, this.#refused])
      for (const name of map.keys()) if (!names.has(name)) map.delete(name)
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#unwatch(name)
  }

  /** Whether it sleeps. Then its sources are watched, also when the service that put it to sleep is gone. */
  async attendSleeping(application: ApplicationRecord): Promise<boolean> {
    const { name, epoch } = application
    const isAsleep = this.#sleeps(application)
    if (!isAsleep || this.#watched.get(name)?.epoch !== epoch) this.#unwatch(name)
    if (isAsleep && !this.#watched.has(name)) await this.#watch(application)
    return isAsleep
  }

  /** One point of a running application. */
  async attendRunning(application: ApplicationRecord, point: ScalingPoint, afterMinutes: number): Promise<void> {
    const { name, versionId } = application
    if (this.#refused.get(name) === versionId || this.#fallingAsleep.has(name)) return
    const step = hibernationStep(this.#idleSince.get(name), point, afterMinutes)
    this.#idleSince.set(name, step.idleSinceMs)
    if (!step.hibernate) return
    this.#idleSince.delete(name)
    const splits = await this.#parts.splits(application)
    // Before its first checkpoint nobody knows: it is asked again after the next idle minutes.
    if (splits === undefined) return
    const trial = this.#probe(application, splits, { onData() {}, onRefused() {} })
    if (trial === undefined) return this.#refuse(application)
    trial.cancel()
    // Not awaited: the others are looked at meanwhile.
    void this.#hibernate(application, afterMinutes)
  }

  async #hibernate(application: ApplicationRecord, afterMinutes: number): Promise<void> {
    const { log, hibernate } = this.#parts
    const { name } = application
    this.#fallingAsleep.add(name)
    try {
      await hibernate(application)
      log(application, 'info', 'hibernates: nothing has come in', { minutes: afterMinutes })
      // At once: what came meanwhile is to wake it.
      const asleep = await this.#parts.application(name)
      if (asleep !== undefined) await this.attendSleeping(asleep)
    } catch (error) {
      log(application, 'info', 'not hibernated', { reason: asEngineError(error).message })
    } finally {
      this.#fallingAsleep.delete(name)
    }
  }

  async #watch(application: ApplicationRecord): Promise<void> {
    const { name, epoch } = application
    const splits = (await this.#parts.splits(application)) ?? []
    if (this.#closed || this.#watched.has(name)) return
    let isOver = false
    const over = (): void => {
      isOver = true
      this.#watched.delete(name)
    }
    const watch = this.#probe(application, splits, {
      onData: () => {
        over()
        this.#parts.log(application, 'info', 'wakes: its sources have something')
        this.#wake(application)
      },
      onRefused: (reason) => {
        over()
        void this.#refuseIfAsleep(application, reason)
      },
    })
    if (watch === undefined) {
      this.#refuse(application)
      this.#wake(application)
    } else if (!isOver) this.#watched.set(name, { watch, epoch })
  }

  #probe(application: ApplicationRecord, splits: readonly Split[], listener: SourceListener): Cancellable | undefined {
    for (const probe of this.#parts.probes) {
      const watch = probe.watch(application, splits, listener)
      if (watch !== undefined) return watch
    }
    return undefined
  }

  /** Rights to watch end when somebody else wakes, stops or deletes it. */
  async #refuseIfAsleep(before: ApplicationRecord, reason: string): Promise<void> {
    try {
      const application = await this.#parts.application(before.name)
      if (application === undefined || application.epoch !== before.epoch || !this.#sleeps(application)) return
      this.#refuse(application, reason)
      this.#wake(application)
    } catch {
      // The store: it's watched again at the next tick.
    }
  }

  #refuse(application: ApplicationRecord, reason?: string): void {
    this.#refused.set(application.name, application.versionId)
    this.#parts.log(application, 'warn', 'not hibernated: its sources cannot be watched while it sleeps', {
      reason,
      hint: 'Only Kinesis streams can that its role may read. Remove hibernate.after-minutes from property group millrace.',
    })
  }

  #wake(application: ApplicationRecord): void {
    if (this.#closed) return
    const { wake, scheduler } = this.#parts
    wake(application).catch(() => scheduler.after(wakeRetryMs, () => void this.#wakeIfAsleep(application.name)))
  }

  /** A refused waking: somebody else may have woken, stopped or deleted it. */
  async #wakeIfAsleep(name: string): Promise<void> {
    const again = (): void => void this.#parts.scheduler.after(wakeRetryMs, () => void this.#wakeIfAsleep(name))
    try {
      const application = await this.#parts.application(name)
      if (application !== undefined && this.#sleeps(application)) this.#wake(application)
    } catch {
      if (!this.#closed) again()
    }
  }

  #sleeps(application: ApplicationRecord): boolean {
    return application.status === 'RUNNING' && this.#parts.isAsleep(application)
  }

  #unwatch(name: string): void {
    this.#watched.get(name)?.watch.cancel()
    this.#watched.delete(name)
  }
}
