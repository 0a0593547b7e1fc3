import { createLogger, EngineError, type Logger, type Random, seededRandom } from '@millrace/engine/spi'
import { type EventLoop, SimulatedTime } from '@millrace/engine/testing'
import type { OperationRecord } from '../applications/application-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import type { ExpectedState, Owner } from '../storage/owner.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { ClusterOwnership } from './cluster-ownership.ts'
import { MemoryZoneStore, MemoryZones } from './memory-zone-store.ts'
import type { ZoneStore } from './zone-store.ts'
import { defaultTiming, type ZoneTiming } from './zone-timing.ts'

/** What the world does wrong on purpose: one law each must catch it. */
export interface PlantedBug {
  readonly law: string
  readonly timing?: Partial<ZoneTiming>
  /** Wraps the database's part of what every node calls. */
  readonly zones?: (store: ZoneStore, zones: MemoryZones) => Partial<ZoneStore>
  readonly ownerIgnored?: boolean
}

export interface ZonesRun {
  readonly seed: number
  readonly violations: readonly string[]
  readonly acquired: number
  readonly refusedWrites: number
  readonly lapses: number
  readonly leaders: number
  /** The longest time an application was without a job although a node should have run it, ms. */
  readonly longestGapMs: number
}

const applicationNames = ['a', 'b', 'c', 'd']
const zoneOf: Readonly<Record<string, string>> = { n1: 'a', n2: 'a', n3: 'b' }
const queryLimitMs = 5_000
const checkMs = 50
/** A node that has just woken up may not have run a single timer yet. */
const wakingMs = 100
/** From the moment that one node is healthy without a break, and since the application's owner was last disturbed. */
const gapLimitMs = 20_000
const chaosMs = 90_000

/** Three nodes, one database, four applications, and everything that may go wrong, from one seed. */
export async function runZones(seed: number, bug?: PlantedBug): Promise<ZonesRun> {
  return new ZonesWorld(seed, bug).run()
}

/** A node's process. */
interface Running {
  readonly loop: EventLoop
  readonly ownership: ClusterOwnership
  /** The job per application, with the ownership it was started in. */
  readonly jobs: Map<string, Owner>
}

interface Machine {
  readonly id: string
  process: Running | undefined
  paused: boolean
  wokeAtMs: number
  cutOff: boolean
  /** When something was last done to it. */
  disturbedAtMs: number
  healthySinceMs: number | undefined
}

class ZonesWorld {
  readonly #seed: number
  readonly #bug: PlantedBug | undefined
  readonly #time: SimulatedTime
  readonly #random: Random
  readonly #db: EventLoop
  readonly #zones = new MemoryZones()
  readonly #applications: ApplicationStore
  readonly #store: ZoneStore
  readonly #machines: Machine[]
  readonly #violations: string[] = []
  readonly #owners = new Map<string, string>()
  readonly #leaders = new Map<number, string>()
  readonly #epochs = new Map<string, number>()
  readonly #jobless = new Map<string, number>()
  readonly #statuses = new Map<string, string>()
  readonly #listeners = new Set<{
    readonly machine: Machine
    readonly loop: EventLoop
    readonly onChange: () => void
  }>()
  readonly #counts = { acquired: 0, refusedWrites: 0, lapses: 0, longestGapMs: 0 }
  #isOut = false

  constructor(seed: number, bug: PlantedBug | undefined) {
    this.#seed = seed
    this.#bug = bug
    this.#time = new SimulatedTime(seed)
    this.#random = seededRandom(seed + 1)
    this.#db = this.#time.loop('database')
    this.#applications = new MemoryApplicationStore(this.#zones.placements)
    const store = new MemoryZoneStore(this.#zones, this.#applications, this.#time.clock)
    this.#store = withParts(store, bug?.zones?.(store, this.#zones) ?? {})
    this.#machines = Object.keys(zoneOf).map((id) => {
      return {
        id,
        process: undefined,
        paused: false,
        wokeAtMs: 0,
        cutOff: false,
        disturbedAtMs: 0,
        healthySinceMs: undefined,
      }
    })
  }

  async run(): Promise<ZonesRun> {
    for (const name of applicationNames) {
      await this.#applications.createApplication(anApplication(name, { status: 'RUNNING' }), {}, anOperation(name, 'o'))
    }
    for (const machine of this.#machines) this.#boot(machine)
    this.#check()
    await this.#time.advance(10_000)
    for (const endMs = this.#time.nowMs + chaosMs; this.#time.nowMs < endMs && this.#violations.length === 0; ) {
      await this.#disturb()
      await this.#time.advance(this.#random.int(500, 6_000))
    }
    this.#heal()
    await this.#time.advance(gapLimitMs + 1_000)
    await this.#expectAllRun()
    for (const failure of this.#time.failures) this.#violate(`thrown: ${String(failure)}`)
    const { acquired, refusedWrites, lapses, longestGapMs } = this.#counts
    const leaders = this.#leaders.size
    return { seed: this.#seed, violations: this.#violations, acquired, refusedWrites, lapses, leaders, longestGapMs }
  }

  #violate(what: string): void {
    this.#violations.push(`${what} (seed ${this.#seed}, ${Math.round(this.#time.nowMs)} ms)`)
  }

  async #disturb(): Promise<void> {
    const machine = this.#machines[this.#random.int(0, this.#machines.length - 1)]!
    const kind = this.#random.int(0, 6)
    if (kind < 4) machine.disturbedAtMs = this.#time.nowMs
    switch (kind) {
      case 0:
        return this.#kill(machine)
      case 1:
        if (machine.process === undefined) this.#boot(machine)
        return
      case 2:
        return machine.paused ? this.#wake(machine) : this.#pause(machine)
      case 3:
        machine.cutOff = !machine.cutOff
        return
      case 4:
        this.#isOut = !this.#isOut && this.#random.next() < 0.3
        return
      case 5:
        return this.#toggle(applicationNames[this.#random.int(0, applicationNames.length - 1)]!)
      default:
        // A moment's quiet, with the worst of it over.
        this.#isOut = false
        for (const one of this.#machines) {
          if (one.paused && this.#random.next() < 0.5) this.#wake(one)
          if (one.process === undefined && this.#random.next() < 0.5) this.#boot(one)
        }
    }
  }

  #heal(): void {
    this.#isOut = false
    for (const machine of this.#machines) {
      machine.cutOff = false
      if (machine.paused) this.#wake(machine)
      if (machine.process === undefined) this.#boot(machine)
    }
  }

  #kill(machine: Machine): void {
    machine.process?.loop.kill()
    machine.process = undefined
    machine.paused = false
  }

  #pause(machine: Machine): void {
    if (machine.process === undefined) return
    machine.process.loop.pause()
    machine.paused = true
  }

  #wake(machine: Machine): void {
    machine.disturbedAtMs = this.#time.nowMs
    machine.process?.loop.resume()
    machine.paused = false
    machine.wokeAtMs = this.#time.nowMs
  }

  /** A client starts or stops an application. */
  async #toggle(name: string): Promise<void> {
    const { status, versionId } = (await this.#applications.application(name))!
    await this.#applications.change(
      name,
      { status, versionId },
      { status: status === 'RUNNING' ? 'READY' : 'RUNNING' },
      [],
    )
    this.#tellChange()
  }

  #boot(machine: Machine): void {
    machine.disturbedAtMs = this.#time.nowMs
    const { id } = machine
    const loop = this.#time.loop(id)
    const jobs = new Map<string, Owner>()
    const call = <T>(run: () => Promise<T>) => this.#call(machine, loop, run)
    const store = remote(this.#store, call)
    const logger = this.#watchingLogger()
    const parts = {
      store: this.#watched(store),
      applications: {
        operationsInProgress: (): Promise<readonly OperationRecord[]> =>
          call(() => this.#applications.operationsInProgress()),
        unsettledSnapshots: () => call(() => this.#applications.unsettledSnapshots()),
      },
      changes: {
        start: (onChange: () => void) => void this.#listeners.add({ machine, loop, onChange }),
        close: async () => {},
      },
      timing: { ...defaultTiming, ...this.#bug?.timing },
      clock: loop,
      scheduler: loop,
      logger,
    }
    const ownership = new ClusterOwnership({ id, zone: zoneOf[id]!, url: `http://${id}`, capacity: 8 }, parts)
    const running: Running = { loop, ownership, jobs }
    machine.process = running
    const start = (): Promise<void> =>
      ownership.start({
        acquired: (application, owner) => {
          this.#counts.acquired++
          this.#owned(application, owner!.epoch, id)
          jobs.set(application, owner!)
          this.#runJob(running, application, owner!, call)
        },
        lost: (application) => void jobs.delete(application),
        operation: () => {},
        snapshot: () => {},
      })
    const tryStart = () => {
      start().catch(() => void loop.after(1_000, tryStart))
    }
    tryStart()
  }

  /** A job: writes something every so often, as its supervisor does, and stops when its application is stopped. */
  #runJob(
    { loop, ownership, jobs }: Running,
    name: string,
    owner: Owner,
    call: <T>(run: () => Promise<T>) => Promise<T>,
  ): void {
    const beat = async () => {
      if (jobs.get(name) !== owner) return
      try {
        const application = await call(() => this.#applications.application(name))
        if (application!.status === 'RUNNING' && jobs.get(name) === owner) {
          const { status, versionId } = application!
          await call(() => this.#write(name, { status, versionId }, owner))
        }
      } catch (error) {
        if ((error as EngineError).code === 'OWNERSHIP_LOST') {
          this.#counts.refusedWrites++
          jobs.delete(name)
          ownership.refused(name)
          return
        }
      }
      loop.after(this.#random.int(100, 600), () => void beat())
    }
    void beat()
  }

  async #write(name: string, expected: ExpectedState, owner: Owner): Promise<void> {
    const fence = this.#bug?.ownerIgnored === true ? {} : { owner }
    await this.#applications.change(name, { ...expected, ...fence }, { description: `${owner.node}` }, [])
    const placed = this.#zones.placements.get(name)
    if (placed?.node !== owner.node || placed.epoch !== owner.epoch) {
      this.#violate(`fencing: ${owner.node} wrote for ${name} in epoch ${owner.epoch}, which isn't its own any more`)
    }
  }

  /** Over the network: late, lost on the way there or back, or refused. */
  #call<T>(machine: Machine, loop: EventLoop, run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new EngineError('STORE_FAILED', { kind: 'unavailable', message: 'out of reach' }))
      const delayMs = () => (this.#random.next() < 0.02 ? this.#random.int(100, 3_000) : this.#random.int(0, 15))
      const lost = () => this.#random.next() < 0.005
      if (machine.cutOff || lost()) return void loop.after(queryLimitMs, fail)
      this.#db.after(delayMs(), () => {
        if (this.#isOut) return void loop.after(delayMs(), fail)
        run().then(
          (value) => {
            this.#observe()
            if (machine.cutOff || lost()) loop.after(queryLimitMs, fail)
            else loop.after(delayMs(), () => resolve(value))
          },
          (error) => void loop.after(delayMs(), () => reject(error)),
        )
      })
    })
  }

  #watched(store: ZoneStore): ZoneStore {
    return withParts(store, {
      place: async (...given) => {
        const placed = await store.place(...given)
        if (placed) this.#tellChange()
        return placed
      },
    })
  }

  #watchingLogger(): Logger {
    return createLogger(({ message }) => {
      if (message.startsWith('node lapsed')) this.#counts.lapses++
    })
  }

  #tellChange(): void {
    for (const listener of this.#listeners) {
      const { machine, loop, onChange } = listener
      if (loop.isDead) this.#listeners.delete(listener)
      else if (!machine.cutOff && this.#random.next() < 0.7) loop.after(this.#random.int(1, 30), onChange)
    }
  }

  /** Laws on what the database holds, after each of its transactions. */
  #observe(): void {
    for (const { application, node, epoch } of this.#zones.placements.values()) {
      if (node !== undefined) this.#owned(application, epoch, node)
    }
    for (const name of this.#epochs.keys()) {
      if (!this.#zones.placements.has(name)) this.#violate(`epochs: those of ${name} were forgotten`)
    }
    for (const { application, epoch } of this.#zones.placements.values()) {
      if (epoch < (this.#epochs.get(application) ?? 0)) this.#violate(`epochs: that of ${application} went back`)
      this.#epochs.set(application, epoch)
    }
    for (const [name, { holder, epoch }] of this.#zones.leases) {
      const before = this.#leaders.get(epoch)
      if (before !== undefined && before !== holder) {
        this.#violate(`leader: ${before} and ${holder} both lead by ${name} in epoch ${epoch}`)
      }
      this.#leaders.set(epoch, holder)
    }
  }

  #owned(application: string, epoch: number, node: string): void {
    const key = `${application}#${epoch}`
    const before = this.#owners.get(key)
    if (before !== undefined && before !== node) {
      this.#violate(`owner: ${application} in epoch ${epoch} was ${before}'s and is ${node}'s`)
    }
    this.#owners.set(key, node)
  }

  /** Laws on what runs, every few ms. */
  #check(): void {
    const nowMs = this.#time.nowMs
    for (const machine of this.#machines) {
      const isHealthy = machine.process !== undefined && !machine.paused && !machine.cutOff && !this.#isOut
      machine.healthySinceMs = isHealthy ? (machine.healthySinceMs ?? nowMs) : undefined
    }
    const awake = this.#machines.filter(({ process, paused, wokeAtMs }) => {
      return process !== undefined && !paused && nowMs - wokeAtMs > wakingMs
    })
    const healthyMs = Math.max(...this.#machines.map(({ healthySinceMs = nowMs }) => nowMs - healthySinceMs))
    for (const name of applicationNames) {
      const running = awake.filter(({ process }) => process!.jobs.has(name))
      if (running.length > 1) this.#violate(`one job: ${running.map(({ id }) => id).join(' and ')} run ${name}`)
      this.#checkGap(name, running.length > 0, healthyMs)
    }
    this.#db.after(checkMs, () => this.#check())
  }

  #checkGap(name: string, runs: boolean, healthyMs: number): void {
    const nowMs = this.#time.nowMs
    if (runs || this.#statusOf(name) !== 'RUNNING') {
      this.#jobless.delete(name)
      return
    }
    // Whoever owns it counts as alive until it has been silent, each time anew.
    const owner = this.#machines.find(({ id }) => id === this.#zones.placements.get(name)?.node)
    const sinceMs = Math.max(this.#jobless.get(name) ?? nowMs, owner?.disturbedAtMs ?? 0)
    this.#jobless.set(name, sinceMs)
    const gapMs = Math.min(nowMs - sinceMs, healthyMs)
    this.#counts.longestGapMs = Math.max(this.#counts.longestGapMs, gapMs)
    if (gapMs > gapLimitMs) this.#violate(`liveness: nobody ran ${name} for ${gapMs} ms`)
  }

  /** As last seen: reading the store takes a turn. */
  #statusOf(name: string): string | undefined {
    void this.#applications.application(name).then((application) => this.#statuses.set(name, application!.status))
    return this.#statuses.get(name)
  }

  async #expectAllRun(): Promise<void> {
    for (const { name, status } of await this.#applications.allApplications()) {
      const running = this.#machines.filter(({ process }) => process?.jobs.has(name) === true)
      const expected = status === 'RUNNING' ? 1 : 0
      if (running.length !== expected) {
        this.#violate(`liveness: ${name} is ${status} and ${running.length} nodes run it when all is well again`)
      }
    }
  }
}

/** Every method as a call over the network. */
function remote(store: ZoneStore, call: <T>(run: () => Promise<T>) => Promise<T>): ZoneStore {
  return new Proxy(store, {
    get: (target, name: keyof ZoneStore) => {
      const method = target[name] as (...given: unknown[]) => Promise<unknown>
      return (...given: unknown[]) => call(() => method.apply(target, given))
    },
  })
}

function withParts(store: ZoneStore, parts: Partial<ZoneStore>): ZoneStore {
  return new Proxy(store, {
    get: (target, name: keyof ZoneStore) => {
      const method = (parts[name] ?? target[name]) as (...given: unknown[]) => unknown
      return method.bind(target)
    },
  })
}
