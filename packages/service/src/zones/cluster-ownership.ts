import { asEngineError, type Logger } from '@millrace/engine/spi'
import type { OperationRecord } from '../applications/application-record.ts'
import { type SnapshotRecord, snapshotScope } from '../snapshots/snapshot-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { Owner } from '../storage/owner.ts'
import type { ChangeFeed } from './change-feed.ts'
import { decidePlacements } from './decide-placements.ts'
import { LeaderElection, leaderLease } from './leader-election.ts'
import { NodeRegistry, type ZoneParts } from './node-registry.ts'
import type { Ownership, OwnershipListener } from './ownership.ts'
import { Pulse } from './pulse.ts'
import type { NodeRecord, Placement } from './zone-store.ts'

export interface ClusterParts extends ZoneParts {
  readonly applications: Pick<ApplicationStore, 'operationsInProgress' | 'unsettledSnapshots'>
  /** Tells of changes sooner than the next look. */
  readonly changes: ChangeFeed
}

/**
 * One node of several with a shared store. The leader among them places applications; each node sees in the store which
 * are its own. What it may do for them is fenced there by the ownership's epoch, whatever it believes itself.
 */
export class ClusterOwnership implements Ownership {
  readonly #parts: ClusterParts
  readonly #registry: NodeRegistry
  readonly #election: LeaderElection
  readonly #placing: Pulse
  readonly #looking: Pulse
  /** Epochs of what is this node's. */
  readonly #owned = new Map<string, number>()
  /** Ids of operations the listener knows of. */
  readonly #told = new Set<string>()
  /** Applications of snapshots that the listener knows of, by the snapshots' ids. */
  readonly #snapshotsTold = new Map<string, string>()
  #listener: OwnershipListener | undefined

  constructor(identity: Omit<NodeRecord, 'incarnation'>, parts: ClusterParts) {
    this.#parts = parts
    this.#registry = new NodeRegistry(identity, parts, {
      alive: () => this.#looking.kick(),
      lapsed: () => this.#loseAll(),
    })
    this.#placing = new Pulse(parts.scheduler, parts.timing.lookMs, () => this.#place())
    this.#looking = new Pulse(parts.scheduler, parts.timing.lookMs, () => this.#look())
    this.#election = new LeaderElection(this.#registry, parts, () => this.#placing.kick())
  }

  async start(listener: OwnershipListener): Promise<void> {
    this.#listener = listener
    await this.#registry.start()
    this.#election.start()
    this.#placing.kick()
    this.#parts.changes.start(() => {
      this.#looking.kick()
      this.#placing.kick()
    })
  }

  isMine(application: string): boolean {
    return this.#registry.isAlive && this.#owned.has(application)
  }

  accepted(operation: OperationRecord, certain: boolean): void {
    if (certain && this.isMine(operation.applicationName)) {
      if (this.#told.has(operation.id)) return
      this.#told.add(operation.id)
      this.#listener?.operation(operation, true)
      return
    }
    this.#looking.kick()
    this.#placing.kick()
  }

  snapshotAsked(snapshot: SnapshotRecord): void {
    if (this.isMine(snapshot.applicationName)) this.#handSnapshots([snapshot])
    else this.#looking.kick()
  }

  refused(application: string): void {
    this.#lose(application)
    this.#looking.kick()
  }

  async remoteUrl(application: string): Promise<string | undefined> {
    if (this.isMine(application)) return undefined
    const { store, timing } = this.#parts
    const placement = await store.placement(application)
    if (placement?.node === undefined || placement.node === this.#registry.id) return undefined
    const node = await store.node(placement.node)
    return node === undefined || node.silentMs >= timing.silenceLimitMs ? undefined : node.url
  }

  async close(): Promise<void> {
    this.#listener = undefined
    await this.#parts.changes.close()
    await Promise.all([this.#placing.stop(), this.#looking.stop()])
    await this.#registry.close()
    await this.#election.close()
  }

  /** The leader's part. */
  async #place(): Promise<void> {
    const epoch = this.#election.epoch
    if (epoch === undefined) return
    const { store, timing, logger } = this.#parts
    try {
      const assignments = decidePlacements(await store.view(), timing.silenceLimitMs)
      for (const assignment of assignments) {
        const placed = await store.place(assignment, { lease: leaderLease, epoch }, timing.silenceLimitMs)
        if (placed) logger.info('application placed', { ...assignment, leaderEpoch: epoch })
      }
    } catch (error) {
      this.#tellUnlessUnavailable(logger, 'applications not placed', error)
    }
  }

  /** Compares what is this node's with what the store says. */
  async #look(): Promise<void> {
    if (!this.#registry.isAlive) return
    const { lapses } = this.#registry
    const { store, applications, logger } = this.#parts
    const toldBefore = [...this.#told]
    const snapshotsBefore = [...this.#snapshotsTold.keys()]
    try {
      const placements = await store.placementsOf(this.#registry.id)
      const inProgress = await applications.operationsInProgress()
      const snapshots = (await applications.unsettledSnapshots()).filter(isToBeTaken)
      // A node that was taken for lost meanwhile has read what may not hold any more.
      if (!this.#registry.isAlive || this.#registry.lapses !== lapses) return
      this.#apply(placements, inProgress)
      this.#handSnapshots(snapshots.filter(({ applicationName }) => this.#owned.has(applicationName)))
      const current = new Set(inProgress.map(({ id }) => id))
      for (const id of toldBefore) if (!current.has(id)) this.#told.delete(id)
      const unsettled = new Set(snapshots.map(snapshotId))
      for (const id of snapshotsBefore) if (!unsettled.has(id)) this.#snapshotsTold.delete(id)
    } catch (error) {
      this.#tellUnlessUnavailable(logger, 'ownership not looked up', error)
    }
  }

  #apply(placements: readonly Placement[], inProgress: readonly OperationRecord[]): void {
    const now = new Map(placements.map(({ application, epoch }) => [application, epoch]))
    for (const [application, epoch] of [...this.#owned]) if (now.get(application) !== epoch) this.#lose(application)
    for (const [application, epoch] of now) {
      const operations = inProgress.filter(({ applicationName }) => applicationName === application)
      if (this.#owned.has(application)) this.#hand(operations)
      else this.#acquire(application, { node: this.#registry.id, epoch }, operations)
    }
  }

  #acquire(application: string, owner: Owner, inProgress: readonly OperationRecord[]): void {
    this.#owned.set(application, owner.epoch)
    for (const { id } of inProgress) this.#told.add(id)
    this.#parts.logger.info('application acquired', { application, ...owner })
    this.#listener?.acquired(application, owner, inProgress)
  }

  #hand(operations: readonly OperationRecord[]): void {
    for (const operation of operations) {
      if (this.#told.has(operation.id)) continue
      this.#told.add(operation.id)
      this.#listener?.operation(operation, true)
    }
  }

  #handSnapshots(snapshots: readonly SnapshotRecord[]): void {
    for (const snapshot of snapshots) {
      const id = snapshotId(snapshot)
      if (this.#snapshotsTold.has(id)) continue
      this.#snapshotsTold.set(id, snapshot.applicationName)
      this.#listener?.snapshot(snapshot)
    }
  }

  #lose(application: string): void {
    if (!this.#owned.delete(application)) return
    // Whoever owns it next, here or elsewhere, hears of them anew.
    for (const [id, of] of this.#snapshotsTold) if (of === application) this.#snapshotsTold.delete(id)
    this.#parts.logger.warn('application lost', { application, node: this.#registry.id })
    this.#listener?.lost(application)
  }

  #loseAll(): void {
    for (const application of [...this.#owned.keys()]) this.#lose(application)
  }

  /** That the store is out of reach, the registry tells once. */
  #tellUnlessUnavailable(logger: Logger, message: string, error: unknown): void {
    const { kind, message: reason, stack } = asEngineError(error, 'bug')
    if (kind !== 'unavailable') logger.error(message, { node: this.#registry.id, reason, stack })
  }
}

/** Imports are no application's. */
function isToBeTaken({ status, initiator }: SnapshotRecord): boolean {
  return status === 'CREATING' && initiator !== 'ImportSnapshot'
}

function snapshotId(snapshot: SnapshotRecord): string {
  return `snapshot ${snapshotScope(snapshot)} ${snapshot.name} ${snapshot.createdMs}`
}
