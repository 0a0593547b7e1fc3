/** A world for the model test: a store that outlives services, jobs that fail as they like, laws that are always looked at. */
import { EngineError, type Random, type Scheduler, seededRandom, silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import type { Job, JobExit, JobLauncher, JobSettings, SavedStates } from '../jobs/job-launcher.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import { anApplication } from '../storage/record-fixture.ts'
import { SingleNode } from '../zones/single-node.ts'
import type { ApplicationRecord, ApplicationStatus, OperationRecord } from './application-record.ts'
import { defaultConfiguration } from './configuration.ts'
import { FakeProcess, never } from './fake-process-fixture.ts'
import { LifecycleService } from './lifecycle-service.ts'

/** A mistake that a law must notice. */
export type Bug =
  | 'operation never ended'
  | 'second job'
  | 'version falls back'
  | 'acknowledged before stored'
  | 'other status in between'
  | 'state forgotten'
  | 'failure without a cause'
  | 'another snapshot restored'
  | 'snapshot without files'
  | 'rolled back to itself'
  | 'wakes by itself'
  | 'snapshot forgotten'

export interface WorldOptions {
  readonly seed: number
  readonly bug?: Bug | undefined
  /** No call that drops state on purpose: then every process must go on exactly from what was saved last. */
  readonly keepsState: boolean
}

/** One incarnation of the service: dead ones see and do nothing any more. */
interface Incarnation {
  alive: boolean
  /** Calls to the outside until it is killed; undefined: it lives on. */
  fuse: number | undefined
}

const transient: readonly ApplicationStatus[] = [
  ...(['STARTING', 'STOPPING', 'FORCE_STOPPING', 'UPDATING', 'DELETING', 'AUTOSCALING', 'ROLLING_BACK'] as const),
]

/** Written independently of the state machine: what Terraform's waiters and the API's contract let a client see. */
const followers: Readonly<Partial<Record<ApplicationStatus, readonly ApplicationStatus[]>>> = {
  READY: ['STARTING', 'UPDATING', 'DELETING'],
  ROLLED_BACK: ['STARTING', 'UPDATING', 'DELETING'],
  STARTING: ['RUNNING', 'READY', 'FORCE_STOPPING'],
  RUNNING: ['STOPPING', 'FORCE_STOPPING', 'UPDATING', 'DELETING', 'READY', 'AUTOSCALING', 'ROLLING_BACK'],
  STOPPING: ['READY', 'FORCE_STOPPING'],
  FORCE_STOPPING: ['READY'],
  UPDATING: ['RUNNING', 'READY', 'FORCE_STOPPING', 'ROLLING_BACK'],
  AUTOSCALING: ['RUNNING', 'READY', 'FORCE_STOPPING', 'ROLLING_BACK'],
  ROLLING_BACK: ['RUNNING', 'READY', 'ROLLED_BACK'],
  DELETING: ['READY'],
}

export class World {
  readonly time = new VirtualTime()
  readonly random: Random
  readonly store = new MemoryApplicationStore()
  readonly processes: FakeProcess[] = []
  readonly options: WorldOptions
  readonly violations: string[] = []
  /** `status → status` with how often. */
  readonly seen = new Map<string, number>()
  readonly acknowledged = new Map<string, OperationRecord>()
  service: LifecycleService | undefined
  /** Failures of jobs, savepoints and the store happen. */
  hostile = true
  /** Positions of completed savepoints by folder, and of checkpoints in their order. */
  readonly savepoints = new Map<string, number>()
  checkpoints: { readonly epoch: number; readonly position: number }[] = []
  /** Positions that starts from a snapshot of the caller's choice must begin with, by operation. */
  readonly chosen = new Map<string, number>()
  /** Snapshots that were acknowledged and that nobody has asked to delete since. */
  readonly promised = new Set<string>()
  /** The newest position that was saved; undefined when state was dropped on purpose. */
  saved: number | undefined = 0
  #incarnation: Incarnation = { alive: false, fuse: undefined }
  readonly #ends = new Map<string, string>()
  readonly #highestVersion = new Map<string, number>()
  #aliveSinceMs = 0
  #lastSavepoint = 0

  constructor(options: WorldOptions) {
    this.options = options
    this.random = seededRandom(options.seed)
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  violate(law: string, what: string): void {
    this.violations.push(`${law}: ${what}`)
  }

  /** A new service on what is stored. */
  async boot(): Promise<void> {
    const incarnation: Incarnation = { alive: true, fuse: undefined }
    this.#incarnation = incarnation
    this.#aliveSinceMs = this.time.now()
    const scheduler: Scheduler = {
      after: (delayMs, fn) => this.time.after(delayMs, () => incarnation.alive && fn()),
      soon: (fn) => this.time.soon(() => incarnation.alive && fn()),
    }
    const store = this.#storeOf(incarnation)
    const service = new LifecycleService({
      store,
      ownership: new SingleNode(store),
      launcher: this.#launcherOf(incarnation),
      clock: this.time,
      scheduler,
      random: seededRandom(this.random.int(0, 0x7fff_ffff)),
      logger: silentLogger,
    })
    this.service = service
    const recovered = service.recover().catch((error) => {
      // The process ends when it can't read its store, and is started again.
      if (incarnation.alive) this.crash()
      return error
    })
    await this.time.advance(1)
    void recovered
  }

  /** kill -9: nothing of it goes on; its jobs notice a little later. */
  crash(): void {
    this.#incarnation.alive = false
    this.service = undefined
    for (const job of this.processes) if (job.alive) this.time.after(this.random.int(0, 3000), () => job.die())
  }

  /** It dies in one of its next calls to the outside. */
  lightFuse(calls: number): void {
    this.#incarnation.fuse = calls
  }

  get alive(): boolean {
    return this.#incarnation.alive
  }

  /** One crash point: before and after everything that reaches the outside. */
  async #point(incarnation: Incarnation): Promise<void> {
    if (!incarnation.alive) return never()
    if (incarnation.fuse !== undefined && incarnation.fuse-- === 0) {
      this.crash()
      return never()
    }
    if (this.chance(0.1)) await new Promise<void>((resolve) => this.time.after(this.random.int(0, 50), resolve))
    if (!incarnation.alive) return never()
  }

  async #through<T>(incarnation: Incarnation, call: () => Promise<T>): Promise<T> {
    await this.#point(incarnation)
    const lost = new EngineError('STORE_FAILED', { kind: 'unavailable', message: 'the store is out of reach' })
    if (this.hostile && this.chance(0.01)) throw lost
    const answer = await call()
    await this.#point(incarnation)
    if (this.hostile && this.chance(0.01)) throw lost
    return answer
  }

  #storeOf(incarnation: Incarnation): ApplicationStore {
    const { store } = this
    const through = <T>(call: () => Promise<T>): Promise<T> => this.#through(incarnation, call)
    return {
      createApplication: (...given) => through(() => store.createApplication(...given)),
      application: (name) => through(async () => this.#told(await store.application(name))),
      applicationByArn: (arn) => through(() => store.applicationByArn(arn)),
      listApplications: (...given) => through(() => store.listApplications(...given)),
      allApplications: () => through(() => store.allApplications()),
      change: (...given) => this.#change(incarnation, ...given),
      version: (...given) => through(() => store.version(...given)),
      listVersions: (...given) => through(() => store.listVersions(...given)),
      deleteApplication: (name, operation) =>
        through(async () => {
          await store.deleteApplication(name, operation)
          await this.#checkStored(name)
        }),
      operation: (...given) => through(() => store.operation(...given)),
      listOperations: (...given) => through(() => store.listOperations(...given)),
      operationsInProgress: () => through(() => store.operationsInProgress()),
      tags: (name) => through(() => store.tags(name)),
      changeTags: (...given) => through(() => store.changeTags(...given)),
      snapshot: (...given) => through(() => store.snapshot(...given)),
      putSnapshot: (...given) =>
        through(async () => {
          const forgets = this.options.bug === 'snapshot forgotten' && given[0] === undefined && this.chance(0.5)
          return forgets || store.putSnapshot(...given)
        }),
      removeSnapshot: (...given) => through(() => store.removeSnapshot(...given)),
      listSnapshots: (...given) => through(() => store.listSnapshots(...given)),
      countSnapshots: (scope) => through(() => store.countSnapshots(scope)),
      latestSnapshot: (...given) => through(() => store.latestSnapshot(...given)),
      unsettledSnapshots: () => through(() => store.unsettledSnapshots()),
      snapshotsOf: (...given) => through(() => store.snapshotsOf(...given)),
      putSnapshotOperation: (operation) => through(() => store.putSnapshotOperation(operation)),
      snapshotOperation: (...given) => through(() => store.snapshotOperation(...given)),
      listSnapshotOperations: (...given) => through(() => store.listSnapshotOperations(...given)),
      snapshotOperationsInProgress: () => through(() => store.snapshotOperationsInProgress()),
      close: () => store.close(),
    }
  }

  /** As the service is told of it. */
  #told(application: ApplicationRecord | undefined): ApplicationRecord | undefined {
    if (application === undefined || this.options.bug !== 'wakes by itself') return application
    return { ...application, hibernatedSinceMs: undefined }
  }

  async #change(incarnation: Incarnation, ...given: Parameters<ApplicationStore['change']>): Promise<boolean> {
    const [name, expected, change, operations, snapshots] = given
    const { bug } = this.options
    const ends = operations.some(({ status }) => status === 'SUCCESSFUL' || status === 'FAILED')
    const accepts = operations.some(({ status }) => status === 'IN_PROGRESS') && change.status !== undefined
    if (bug === 'operation never ended' && ends && this.chance(0.2)) return true
    if (bug === 'acknowledged before stored' && accepts) {
      const late = this.random.int(1, 20)
      this.time.after(late, () => incarnation.alive && void this.store.change(...given))
      return true
    }
    return this.#through(incarnation, async () => {
      const before = await this.store.application(name)
      if (bug === 'other status in between' && ends && before?.status === expected.status) {
        await this.store.change(name, expected, { status: 'MAINTENANCE' }, [])
        this.#step(before.status, 'MAINTENANCE')
        return this.store.change(name, { ...expected, status: 'MAINTENANCE' }, change, operations)
      }
      const rollsBack = bug === 'rolled back to itself' && change.versionRolledBackTo !== undefined
      if (rollsBack && before !== undefined) given[2] = { ...change, configuration: before.configuration }
      const versionId = bug === 'version falls back' && ends ? Math.max(1, expected.versionId - 1) : undefined
      const causeless = operations.map((operation) => ({ ...operation, error: undefined }))
      const stored = await this.store.change(
        name,
        expected,
        versionId === undefined ? given[2] : { ...change, versionId },
        bug === 'failure without a cause' ? causeless : operations,
        snapshots,
      )
      if (stored && change.status !== undefined && before !== undefined) this.#step(before.status, change.status)
      if (stored && snapshots?.forgetLegacy === true) this.promised.clear()
      await this.#checkStored(name)
      return stored
    })
  }

  #step(from: ApplicationStatus, to: ApplicationStatus): void {
    this.seen.set(`${from} → ${to}`, (this.seen.get(`${from} → ${to}`) ?? 0) + 1)
    if (followers[from]?.includes(to) !== true) this.violate('status sequence', `${from} → ${to}`)
  }

  /** What must hold whenever the store has changed. */
  async #checkStored(name: string): Promise<void> {
    // Both at one instant: the memory store reads before it returns its promise.
    const reads = [this.store.application(name), this.store.listOperations(name, {}, undefined, 1000)] as const
    const [application, { items }] = await Promise.all(reads)
    const open = items.filter(({ status }) => status === 'IN_PROGRESS')
    if (application !== undefined) {
      const { status, versionId } = application
      if (open.length !== (transient.includes(status) ? 1 : 0)) {
        this.violate('one operation', `${status} with ${open.length} operations in progress`)
      }
      const highest = this.#highestVersion.get(name) ?? 0
      if (versionId < highest) this.violate('version monotone', `${versionId} after ${highest}`)
      this.#highestVersion.set(name, Math.max(highest, versionId))
    } else {
      if (open.length > 0) this.violate('one operation', 'an operation outlives its application')
      this.#highestVersion.delete(name)
    }
    if (application !== undefined) await this.#checkVersion(application)
    for (const { id, status, error } of items) {
      if (status === 'IN_PROGRESS') continue
      const end = `${status} ${error ?? ''}`
      if ((this.#ends.get(id) ?? end) !== end) this.violate('an end is final', `${this.#ends.get(id)} became ${end}`)
      this.#ends.set(id, end)
      if (status === 'FAILED' && (error ?? '') === '') this.violate('root cause', 'FAILED without a cause')
      if ((error?.length ?? 0) > 512) this.violate('root cause', 'longer than 512 characters')
      if (status === 'SUCCESSFUL' && error !== undefined) this.violate('root cause', 'SUCCESSFUL with an error')
    }
  }

  async #checkVersion({ name, configuration, versionRolledBackTo }: ApplicationRecord): Promise<void> {
    if (versionRolledBackTo === undefined) return
    const old = await this.store.version(name, versionRolledBackTo)
    if (old !== undefined && JSON.stringify(old.configuration) !== JSON.stringify(configuration)) {
      this.violate('rolled back', `not to the configuration of version ${versionRolledBackTo}`)
    }
  }

  async #checkSnapshots(): Promise<void> {
    const application = await this.store.application('a')
    const { items } = await this.store.listSnapshots('a', {}, undefined, 1000)
    const names = new Set(items.map(({ name }) => name))
    for (const { name, status, folder } of items) {
      if (status === 'READY' && application?.status !== 'DELETING' && !this.savepoints.has(folder)) {
        this.violate('a snapshot is restorable', `${name} is READY and has no files`)
      }
    }
    if (application === undefined) this.promised.clear()
    for (const name of this.promised) {
      if (!names.has(name)) this.violate('acknowledged means durable', `snapshot ${name} isn't stored`)
    }
  }

  /** What must hold at every instant. */
  async check(): Promise<void> {
    await this.#checkSnapshots()
    for (const operation of this.acknowledged.values()) {
      const stored = await this.store.operation(operation.applicationName, operation.id)
      if (stored === undefined) this.violate('acknowledged means durable', `${operation.name} isn't stored`)
      const sinceMs = Math.max(this.#aliveSinceMs, operation.startedMs)
      if (this.alive && stored?.status === 'IN_PROGRESS' && this.time.now() - sinceMs > 600_000) {
        this.violate('no operation is stuck', `${operation.name} in progress for more than ten minutes`)
      }
    }
  }

  /** The world calms down: everything must come to rest as the store says. */
  async settle(): Promise<void> {
    this.hostile = false
    if (!this.alive) await this.boot()
    this.#incarnation.fuse = undefined
    for (let minute = 0; minute < 12; minute++) await this.time.advance(60_000)
    await this.check()
    for (const application of await this.store.allApplications()) {
      const { name, status, hibernatedSinceMs } = application
      const running = this.processes.filter((job) => job.alive && job.name === name)
      if (transient.includes(status)) this.violate('no operation is stuck', `${name} still is ${status}`)
      const expected = status === 'RUNNING' && hibernatedSinceMs === undefined ? 1 : 0
      if (running.length !== expected) this.violate('status is true', `${status} with ${running.length} processes`)
      const [job] = running
      if (expected === 1 && job?.state !== 'RUNNING') this.violate('status is true', 'the job does not run')
      if (job !== undefined && !isOfVersion(job.settings.application, application)) {
        this.violate('status is true', 'the job is not of the present version')
      }
      await this.#checkSettled(application)
    }
    for (const job of this.processes) {
      if (job.alive && (await this.store.application(job.name)) === undefined) {
        this.violate('status is true', 'a process of a deleted application')
      }
    }
  }

  /** Nobody is left to take or remove a snapshot that is between two states, but for one whose files are needed. */
  async #checkSettled({ name, lineage }: ApplicationRecord): Promise<void> {
    for (const { status, folder } of (await this.store.listSnapshots(name, {}, undefined, 1000)).items) {
      const waits = status === 'DELETING' && folder === lineage?.restoredFrom
      if (status === 'CREATING' || (status === 'DELETING' && !waits)) {
        this.violate('no operation is stuck', `a snapshot still is ${status}`)
      }
    }
  }

  newSavepoint(): string {
    return `savepoint-${++this.#lastSavepoint}`
  }

  #statesOf(incarnation: Incarnation): SavedStates {
    const position = (folder: string): number => {
      const found = this.savepoints.get(folder)
      if (found !== undefined) return found
      throw new EngineError('SAVEPOINT_NOT_FOUND', { kind: 'invalid', message: `nothing in ${folder}` })
    }
    return {
      sizeOf: async (folder) => position(folder),
      copy: async (from, to) => {
        await this.#point(incarnation)
        this.savepoints.set(to, position(from))
        return position(from)
      },
      remove: async (folder) => {
        await this.#point(incarnation)
        this.savepoints.delete(folder)
      },
      hasCheckpoint: async (_application, sinceEpoch) => this.checkpoints.some(({ epoch }) => epoch >= sinceEpoch),
      splits: async () => undefined,
      keptFolder: (snapshotName) => `kept-${snapshotName}`,
    }
  }

  #launcherOf(incarnation: Incarnation): JobLauncher {
    return {
      prepare: async () => {
        await this.#point(incarnation)
        if (this.hostile && this.chance(0.03)) {
          throw new EngineError('CODE_MISSING', {
            kind: 'invalid',
            message: `no code ${'x'.repeat(this.random.int(0, 900))}`,
          })
        }
      },
      launch: (settings) => this.#launch(incarnation, settings),
      log() {},
      logFile: (name) => name,
      states: this.#statesOf(incarnation),
      remove: async () => {
        await this.#point(incarnation)
        if (this.hostile && this.chance(0.05)) throw new Error('EBUSY: busy')
        this.checkpoints = []
        for (const folder of this.savepoints.keys()) if (!folder.startsWith('kept-')) this.savepoints.delete(folder)
        this.saved = this.saved === undefined ? undefined : 0
      },
      close: async () => {},
    }
  }

  #launch(incarnation: Incarnation, settings: JobSettings): Job {
    const { name } = settings.application
    void this.store.application(name).then((stored) => {
      if (stored?.hibernatedSinceMs !== undefined && stored.epoch === settings.epoch) {
        this.violate('asleep until woken', 'a process is started')
      }
    })
    const others = this.processes.filter((job) => job.alive && job.name === name)
    if (others.some((job) => job.owner === incarnation)) this.violate('at most one job', 'a second one is started')
    const ofThisOne = this.processes.filter((job) => job.name === name && job.born === settings.application.createdMs)
    const highest = Math.max(0, ...ofThisOne.map(({ epoch }) => epoch))
    if (settings.epoch <= highest) this.violate('fenced', `epoch ${settings.epoch} after ${highest}`)
    const process = new FakeProcess(this, settings, incarnation, others.length > 0)
    this.processes.push(process)
    const whileAlive = <T>(promise: Promise<T>): Promise<T> =>
      promise.then(
        (value) => (incarnation.alive ? value : never<T>()),
        (error) => {
          if (incarnation.alive) throw error
          return never<T>()
        },
      )
    const running = whileAlive(process.running)
    running.catch(() => {})
    const early: JobExit = { outcome: 'FAILED', cause: undefined }
    const exited =
      this.options.bug === 'second job' && this.chance(0.3)
        ? new Promise<JobExit>((resolve) => this.time.after(1000, () => resolve(early)))
        : process.exited
    return {
      running,
      exited: whileAlive(exited),
      stop: () => whileAlive(process.stop(true)),
      savepoint: () => whileAlive(process.savepoint()),
      suspend: () => whileAlive(process.stop(false)).then(() => {}),
      cancel: () => process.cancel(),
      setLogLevel() {},
      kill: () => void this.time.after(1, () => process.die()),
    }
  }
}

/** But for the level of its log, which changes without a restart. */
function isOfVersion(of: ApplicationRecord, now: ApplicationRecord): boolean {
  const seen = ({ configuration, currentParallelism }: ApplicationRecord): string =>
    JSON.stringify({ ...configuration, monitoring: undefined, currentParallelism })
  return seen(of) === seen(now)
}

/** An application as CreateApplication stores it. */
export function newApplication(
  name: string,
  createdMs: number,
  status: ApplicationStatus = 'READY',
): ApplicationRecord {
  return anApplication(name, { status, createdMs, lastUpdatedMs: createdMs, configuration: defaultConfiguration })
}
