import type { NodeRegistry, ZoneParts } from './node-registry.ts'
import { Pulse } from './pulse.ts'

export const leaderLease = 'leader'

/** Makes one node the leader: whoever has the lease. Its epoch, not its time, keeps a former leader from deciding. */
export class LeaderElection {
  readonly #registry: NodeRegistry
  readonly #parts: ZoneParts
  readonly #elected: () => void
  readonly #pulse: Pulse
  #held: { readonly epoch: number; readonly untilMs: number } | undefined

  /** `elected` is called when this node becomes the leader. */
  constructor(registry: NodeRegistry, parts: ZoneParts, elected: () => void) {
    this.#registry = registry
    this.#parts = parts
    this.#elected = elected
    this.#pulse = new Pulse(parts.scheduler, parts.timing.leaseRenewMs, () => this.#renew())
  }

  start(): void {
    this.#pulse.kick()
  }

  /** The epoch it may lead in; undefined when it doesn't lead, as far as its own clock can tell. */
  get epoch(): number | undefined {
    if (this.#held === undefined || this.#parts.clock.monotonicMs() >= this.#held.untilMs) return undefined
    return this.#registry.isAlive ? this.#held.epoch : undefined
  }

  /** Lets another node lead without a wait. */
  async close(): Promise<void> {
    await this.#pulse.stop()
    if (this.#held === undefined) return
    this.#held = undefined
    // It runs out by itself if this doesn't arrive.
    await this.#parts.store.releaseLease(leaderLease, this.#registry.holder).catch(() => {})
  }

  async #renew(): Promise<void> {
    if (!this.#registry.isAlive) return
    const { store, clock, timing, logger } = this.#parts
    const { holder } = this.#registry
    const sentMs = clock.monotonicMs()
    try {
      const lease = await store.acquireLease(leaderLease, holder, timing.leaseLifeMs)
      const before = this.#held?.epoch
      this.#held = lease === undefined ? undefined : { epoch: lease.epoch, untilMs: sentMs + timing.leaseLifeMs }
      if (lease === undefined || lease.epoch === before) return
      logger.info('node leads', { node: this.#registry.id, epoch: lease.epoch })
      this.#elected()
    } catch {
      // The registry tells that the store is out of reach; the lease runs out by itself.
    }
  }
}
