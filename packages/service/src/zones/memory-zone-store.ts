import type { Clock } from '@millrace/engine/spi'
import { presentKpus } from '../applications/kpus.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { isNeeded } from './demand.ts'
import type { Assignment, Heartbeat, KnownNode, NodeRecord, Placement, ZoneStore, ZoneView } from './zone-store.ts'

/** What one database holds for all its nodes; `placements` is what the store of applications fences with. */
export class MemoryZones {
  readonly placements = new Map<string, Placement>()
  readonly nodes = new Map<string, { record: NodeRecord; heartbeatMs: number }>()
  readonly leases = new Map<string, { holder: string; epoch: number; expiresMs: number }>()
}

/** Zones without a database, for simulations: one object per node over the same `MemoryZones`. */
export class MemoryZoneStore implements ZoneStore {
  readonly #zones: MemoryZones
  readonly #applications: ApplicationStore
  /** The database's. */
  readonly #clock: Clock

  constructor(zones: MemoryZones, applications: ApplicationStore, clock: Clock) {
    this.#zones = zones
    this.#applications = applications
    this.#clock = clock
  }

  async register(node: Omit<NodeRecord, 'incarnation'>): Promise<NodeRecord> {
    const record = { ...node, incarnation: (this.#zones.nodes.get(node.id)?.record.incarnation ?? 0) + 1 }
    this.#zones.nodes.set(node.id, { record, heartbeatMs: this.#clock.now() })
    for (const placement of this.#zones.placements.values()) {
      if (placement.node !== node.id) continue
      this.#zones.placements.set(placement.application, { ...placement, epoch: placement.epoch + 1 })
    }
    return record
  }

  async heartbeat(id: string, incarnation: number): Promise<Heartbeat> {
    const node = this.#zones.nodes.get(id)
    if (node === undefined) return 'unknown'
    if (node.record.incarnation !== incarnation) return 'superseded'
    node.heartbeatMs = this.#clock.now()
    return 'renewed'
  }

  async leave(id: string, incarnation: number): Promise<void> {
    const node = this.#zones.nodes.get(id)
    if (node?.record.incarnation !== incarnation) return
    this.#zones.nodes.set(id, { record: { ...node.record, incarnation: incarnation + 1 }, heartbeatMs: 0 })
  }

  async acquireLease(name: string, holder: string, lifeMs: number): Promise<{ readonly epoch: number } | undefined> {
    const nowMs = this.#clock.now()
    const lease = this.#zones.leases.get(name)
    if (lease !== undefined && lease.holder !== holder && lease.expiresMs > nowMs) return undefined
    const epoch = lease === undefined ? 1 : lease.holder === holder ? lease.epoch : lease.epoch + 1
    this.#zones.leases.set(name, { holder, epoch, expiresMs: nowMs + lifeMs })
    return { epoch }
  }

  async releaseLease(name: string, holder: string): Promise<void> {
    const lease = this.#zones.leases.get(name)
    if (lease?.holder === holder) lease.expiresMs = 0
  }

  async view(): Promise<ZoneView> {
    const applications = await this.#applications.allApplications()
    const inProgress = new Set((await this.#applications.operationsInProgress()).map((one) => one.applicationName))
    return {
      nodes: [...this.#zones.nodes.keys()].map((id) => this.#known(id)!),
      placements: [...this.#zones.placements.values()],
      demand: applications
        .filter((application) => isNeeded(application.status, inProgress.has(application.name)))
        .map((application) => ({ application: application.name, kpus: presentKpus(application) })),
    }
  }

  async placementsOf(node: string): Promise<readonly Placement[]> {
    return [...this.#zones.placements.values()].filter((placement) => placement.node === node)
  }

  async placement(application: string): Promise<Placement | undefined> {
    return this.#zones.placements.get(application)
  }

  async node(id: string): Promise<KnownNode | undefined> {
    return this.#known(id)
  }

  async place(
    { application, node, expectedEpoch }: Assignment,
    fence: { readonly lease: string; readonly epoch: number },
    silenceLimitMs: number,
  ): Promise<boolean> {
    const needed = (await this.view()).demand.some((demand) => demand.application === application)
    if (this.#zones.leases.get(fence.lease)?.epoch !== fence.epoch) return false
    const placed = this.#zones.placements.get(application)
    if ((placed?.epoch ?? 0) !== expectedEpoch) return false
    if (node === undefined && needed) return false
    const silentMs = placed?.node === undefined ? undefined : this.#known(placed.node)?.silentMs
    if (needed && silentMs !== undefined && silentMs < silenceLimitMs) return false
    const epoch = node === undefined ? expectedEpoch : expectedEpoch + 1
    this.#zones.placements.set(application, { application, node, epoch })
    return true
  }

  async close(): Promise<void> {}

  #known(id: string): KnownNode | undefined {
    const node = this.#zones.nodes.get(id)
    return node === undefined ? undefined : { ...node.record, silentMs: this.#clock.now() - node.heartbeatMs }
  }
}
