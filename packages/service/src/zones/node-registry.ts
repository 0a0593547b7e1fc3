import { asEngineError, type Cancellable, type Clock, type Logger, type Scheduler } from '@millrace/engine/spi'
import type { NodeRecord, ZoneStore } from './zone-store.ts'
import type { ZoneTiming } from './zone-timing.ts'

export interface ZoneParts {
  readonly store: ZoneStore
  readonly timing: ZoneTiming
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
}

interface RegistryListener {
  /** It may own applications, at first and after each lapse. */
  alive(): void
  /** The others may take it for lost: whatever it owned isn't its own any more, at once. */
  lapsed(): void
}

/**
 * This node among the others: registers it and renews its heartbeat. Whether it is alive is asked, not told: after a
 * standstill (SIGSTOP, a paused machine) the first question finds out.
 */
export class NodeRegistry {
  readonly #identity: Omit<NodeRecord, 'incarnation'>
  readonly #parts: ZoneParts
  readonly #listener: RegistryListener
  #self: NodeRecord | undefined
  #isAlive = false
  #lapses = 0
  #renewedMs = Number.NEGATIVE_INFINITY
  #superseded = false
  #closed = false
  #registering = false
  #isReachable = true
  #beat: Cancellable | undefined
  #watchdog: Cancellable | undefined

  constructor(identity: Omit<NodeRecord, 'incarnation'>, parts: ZoneParts, listener: RegistryListener) {
    this.#identity = identity
    this.#parts = parts
    this.#listener = listener
  }

  /** Registers the node. Errors: `STORE_FAILED`. */
  async start(): Promise<void> {
    await this.#register()
    this.#scheduleBeat()
  }

  get id(): string {
    return this.#identity.id
  }

  /** Names this process among all that ever had the node's id. */
  get holder(): string {
    return `${this.id}/${this.#self?.incarnation ?? 0}`
  }

  /** Of this moment; a lapse that nobody has noticed yet is told before the answer. */
  get isAlive(): boolean {
    if (this.#isAlive && this.#sinceMs(this.#renewedMs) >= this.#parts.timing.lapseMs) this.#lapse()
    return this.#isAlive
  }

  /** What was read before a lapse doesn't hold after it. */
  get lapses(): number {
    return this.#lapses
  }

  /** Leaves: the others needn't wait for its silence. Its jobs must have ended. */
  async close(): Promise<void> {
    this.#closed = true
    this.#beat?.cancel()
    this.#watchdog?.cancel()
    this.#isAlive = false
    const { store, logger } = this.#parts
    if (this.#self === undefined || this.#superseded) return
    await store.leave(this.id, this.#self.incarnation).catch((error) => {
      logger.warn('node left without telling the others', { node: this.id, reason: asEngineError(error).message })
    })
  }

  #scheduleBeat(): void {
    this.#beat = this.#parts.scheduler.after(this.#parts.timing.heartbeatMs, () => {
      // The next one doesn't wait for this one's answer: a call that hangs must not cost the node its life.
      this.#scheduleBeat()
      void this.#renew()
    })
  }

  async #register(): Promise<void> {
    const sentMs = this.#parts.clock.monotonicMs()
    this.#self = await this.#parts.store.register(this.#identity)
    if (!this.#closed) this.#renewed(sentMs)
  }

  async #renew(): Promise<void> {
    if (this.#self === undefined || this.#closed) return
    // Before anything is sent: a renewal must not hide that it comes too late.
    void this.isAlive
    const sentMs = this.#parts.clock.monotonicMs()
    try {
      const { incarnation } = this.#self
      const answer = await this.#parts.store.heartbeat(this.id, incarnation)
      this.#tellReachable(undefined)
      if (this.#closed || this.#superseded) return
      if (answer === 'renewed') this.#renewed(sentMs)
      else if (answer === 'superseded') this.#giveUp(incarnation)
      else await this.#registerAgain()
    } catch (error) {
      this.#tellReachable(error)
    }
  }

  /** Somebody has removed its row. */
  async #registerAgain(): Promise<void> {
    if (this.#registering) return
    this.#registering = true
    try {
      await this.#register()
    } finally {
      this.#registering = false
    }
  }

  /** Another process has registered with its id: a copied data directory. */
  #giveUp(incarnation: number): void {
    // An answer to what was sent before it registered anew says nothing of now.
    if (incarnation !== this.#self?.incarnation) return
    this.#superseded = true
    this.#beat?.cancel()
    if (this.#isAlive) this.#lapse()
    this.#parts.logger.error('another process has this node id; this one runs nothing any more', { node: this.id })
  }

  #renewed(sentMs: number): void {
    const { scheduler, timing } = this.#parts
    if (this.isAlive === false && this.#sinceMs(sentMs) >= timing.lapseMs) return
    this.#renewedMs = Math.max(this.#renewedMs, sentMs)
    this.#watchdog?.cancel()
    const leftMs = timing.lapseMs - this.#sinceMs(this.#renewedMs)
    this.#watchdog = scheduler.after(leftMs, () => void this.isAlive)
    if (this.#isAlive) return
    this.#isAlive = true
    this.#listener.alive()
  }

  #lapse(): void {
    this.#isAlive = false
    this.#lapses++
    this.#watchdog?.cancel()
    this.#parts.logger.error('node lapsed: its heartbeat could not be renewed in time', { node: this.id })
    this.#listener.lapsed()
  }

  #sinceMs(thenMs: number): number {
    return this.#parts.clock.monotonicMs() - thenMs
  }

  #tellReachable(error: unknown): void {
    const { logger } = this.#parts
    if (error !== undefined && this.#isReachable) {
      logger.warn('store out of reach of the node', { node: this.id, reason: asEngineError(error).message })
    }
    if (error === undefined && !this.#isReachable)
      logger.info('store within reach of the node again', { node: this.id })
    this.#isReachable = error === undefined
  }
}
