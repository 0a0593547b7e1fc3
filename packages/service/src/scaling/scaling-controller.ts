import { asEngineError, type Cancellable, type Clock, type LogLevel, type Scheduler } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { greatestParallelism } from '../applications/kpus.ts'
import { type Attended, type Attention, attend, newAttention } from './attention.ts'
import { Hibernation, type HibernationParts } from './hibernation.ts'
import type { ScalingDecision, ScalingPoint } from './scaling-point.ts'

/** Where the figures come from. */
export interface ScalingSignals {
  /** Of the last ten seconds of a RUNNING application; undefined when nothing is known of it now. */
  point(application: ApplicationRecord): Promise<ScalingPoint | undefined>
  /** Only these applications are there. */
  forgetOthers?(names: ReadonlySet<string>): void
}

/** What decisions are carried out by. Each resolves when it is accepted. */
export interface ScalingActions {
  /** Changes CurrentParallelism by a restart. Errors: `ApiError`, when the application's state doesn't allow it. */
  scale(application: ApplicationRecord, currentParallelism: number): Promise<unknown>
  log(application: ApplicationRecord, level: LogLevel, message: string, fields?: Record<string, unknown>): void
}

export interface ScalingControllerParts {
  /** All of the node's. */
  applications(): Promise<readonly ApplicationRecord[]>
  readonly signals: ScalingSignals
  readonly actions: ScalingActions
  /** Without it nothing hibernates. */
  readonly hibernation?: Omit<HibernationParts, 'scheduler' | 'log'>
  readonly clock: Clock
  readonly scheduler: Scheduler
  /** ParallelismPerKPU times this is the most an application is scaled to. Default 64. */
  readonly kpuLimit?: number
}

/** A decision as it is described. */
export interface ToldDecision extends ScalingDecision {
  readonly timestampMs: number
  readonly from: number
  readonly outcome: 'accepted' | 'refused'
}

const tickMs = 10_000
const keptDecisions = 20

/**
 * Looks at every running application each ten seconds, asks its policy and has done what it decides; Amazon's rule gets one
 * point a minute. Windows live in memory: after a restart of the service, an update or a stop they begin afresh.
 */
export class ScalingController {
  readonly #parts: ScalingControllerParts
  readonly #attention = new Map<string, Attention>()
  readonly #decisions = new Map<string, ToldDecision[]>()
  readonly #hibernation: Hibernation | undefined
  #timer: Cancellable | undefined
  #ticking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(parts: ScalingControllerParts) {
    this.#parts = parts
    const { hibernation, scheduler, actions } = parts
    if (hibernation !== undefined) {
      this.#hibernation = new Hibernation({ ...hibernation, scheduler, log: actions.log.bind(actions) })
    }
  }

  /** Looks at once: what has come for those that slept before is to wake them. */
  start(): void {
    this.#next(0)
  }

  #next(delayMs: number): void {
    this.#timer = this.#parts.scheduler.after(delayMs, () => {
      this.#ticking = this.#tick().then(() => {
        if (!this.#closed) this.#next(untilTick(this.#parts.clock.now()))
      })
    })
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#ticking
    await this.#hibernation?.close()
  }

  /** The last decisions about an application, oldest first. */
  decisions(applicationName: string): readonly ToldDecision[] {
    return this.#decisions.get(applicationName) ?? []
  }

  async #tick(): Promise<void> {
    try {
      const applications = await this.#parts.applications()
      this.#forgetOthers(applications)
      await Promise.all(applications.map((application) => this.#look(application)))
    } catch {
      // The store is out of reach, which the lifecycle tells: the next tick looks again.
    }
  }

  #forgetOthers(applications: readonly ApplicationRecord[]): void {
    const names = new Set(applications.map(({ name }) => name))
    for (const map of [this.#attention, this.#decisions]) {
      for (const name of map.keys()) if (!names.has(name)) map.delete(name)
    }
    this.#hibernation?.forgetOthers(names)
    this.#parts.signals.forgetOthers?.(names)
  }

  async #look(application: ApplicationRecord): Promise<void> {
    const { name, status, versionId } = application
    try {
      if ((await this.#hibernation?.attendSleeping(application)) === true) {
        this.#attention.delete(name)
        return
      }
      if (status !== 'RUNNING') {
        this.#attention.get(name)?.interrupt()
        return
      }
      const point = await this.#parts.signals.point(application)
      const nowMs = this.#parts.clock.now()
      let attention = this.#attention.get(name)
      if (attention === undefined || attention.versionId !== versionId) {
        attention = newAttention(application, nowMs)
        this.#attention.set(name, attention)
      }
      if (this.#closed || point === undefined) return
      await this.#attend(application, attention, point)
    } catch (error) {
      this.#parts.actions.log(application, 'warn', 'scaling not looked at', { reason: asEngineError(error).message })
    }
  }

  async #attend(application: ApplicationRecord, attention: Attention, point: ScalingPoint): Promise<void> {
    const given = application.configuration.parallelism
    const max = greatestParallelism(given, this.#parts.kpuLimit)
    const attended = attend(attention, application, point, { min: Math.min(given.parallelism, max), max })
    this.#tellHeld(application, attended)
    if (attended.decision !== undefined) await this.#carryOut(application, attention, point, attended.decision)
    else if (attended.hibernateAfterMinutes !== undefined) {
      await this.#hibernation?.attendRunning(application, point, attended.hibernateAfterMinutes)
    }
  }

  #tellHeld(application: ApplicationRecord, { held }: Attended): void {
    if (held !== undefined) this.#parts.actions.log(application, 'info', 'parallelism kept', { reason: held })
  }

  async #carryOut(
    application: ApplicationRecord,
    attention: Attention,
    { currentParallelism: from }: ScalingPoint,
    decision: ScalingDecision,
  ): Promise<void> {
    const { actions, clock } = this.#parts
    const { parallelism: to, reason, figures } = decision
    const tell = (outcome: ToldDecision['outcome']): void => {
      const told = [...this.decisions(application.name), { ...decision, timestampMs: clock.now(), from, outcome }]
      this.#decisions.set(application.name, told.slice(-keptDecisions))
    }
    try {
      await actions.scale(application, to)
      attention.accepted(to)
      tell('accepted')
      actions.log(application, 'info', 'parallelism changes', { from, to, reason, ...figures })
    } catch (error) {
      // Somebody updates or stops it at this moment; the next point decides anew.
      attention.refused()
      tell('refused')
      const why = asEngineError(error).message
      actions.log(application, 'info', 'parallelism not changed', { from, to, reason, ...figures, refused: why })
    }
  }
}

/** In step with the clock, as metrics are collected: one answer of a job serves both. */
function untilTick(nowMs: number): number {
  const leftMs = tickMs - (nowMs % tickMs)
  // A timer may be a little early: not two ticks for one.
  return leftMs < tickMs / 2 ? leftMs + tickMs : leftMs
}
