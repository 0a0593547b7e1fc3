import { EngineError, seededRandom, silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { Job, JobExit, JobLauncher, JobSettings } from '../jobs/job-launcher.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { ClusterOwnership } from '../zones/cluster-ownership.ts'
import { MemoryZoneStore, MemoryZones } from '../zones/memory-zone-store.ts'
import { defaultTiming } from '../zones/zone-timing.ts'
import { LifecycleService } from './lifecycle-service.ts'

const run = { restoreType: 'SKIP_RESTORE_FROM_SNAPSHOT', allowNonRestoredState: false } as const

interface FakeJob {
  readonly node: string
  readonly epoch: number
  alive: boolean
  /** How it was ended. */
  end: string | undefined
  finish(end: string, exit: JobExit): void
}

interface Node {
  readonly id: string
  readonly lifecycle: LifecycleService
  readonly ownership: ClusterOwnership
  /** Nothing it asks of the database is answered. */
  isCutOff: boolean
}

let time: VirtualTime
let zones: MemoryZones
let store: MemoryApplicationStore
let jobs: FakeJob[]
let folders: number
/** Whether jobs never come to run. */
let hangs: boolean

beforeEach(async () => {
  time = new VirtualTime()
  zones = new MemoryZones()
  store = new MemoryApplicationStore(zones.placements)
  jobs = []
  folders = 0
  hangs = false
  await store.createApplication(anApplication('x'), {}, anOperation('x', 'created'))
})

async function join(id: string, zone: string): Promise<Node> {
  const cuttable = <T extends object>(whole: T): T =>
    new Proxy(whole, {
      get: (target, name) => {
        const method = target[name as keyof T] as (...given: unknown[]) => Promise<unknown>
        return async (...given: unknown[]) => {
          if (node.isCutOff) throw new EngineError('STORE_FAILED', { kind: 'unavailable', message: 'cut off' })
          return method.apply(target, given)
        }
      },
    })
  const applications: ApplicationStore = cuttable(store)
  const base = { clock: time, scheduler: time, logger: silentLogger }
  const ownership = new ClusterOwnership(
    { id, zone, url: `http://${id}`, capacity: 4 },
    {
      ...base,
      timing: defaultTiming,
      store: cuttable(new MemoryZoneStore(zones, store, time)),
      applications,
      changes: { start: () => {}, close: async () => {} },
    },
  )
  const parts = {
    ...base,
    store: applications,
    ownership,
    launcher: launcherOf(id),
    random: seededRandom(id.charCodeAt(1)),
  }
  const node: Node = { id, ownership, lifecycle: new LifecycleService(parts), isCutOff: false }
  await node.lifecycle.recover()
  return node
}

function launcherOf(node: string): JobLauncher {
  return {
    prepare: async () => {},
    launch: (settings) => launch(node, settings),
    log() {},
    logFile: (name) => name,
    states: {
      sizeOf: async () => 1,
      copy: async () => 1,
      remove: async () => {},
      hasCheckpoint: async () => true,
      splits: async () => undefined,
      keptFolder: (name) => name,
    },
    remove: async () => {},
    close: async () => {},
  }
}

function launch(node: string, { epoch }: JobSettings): Job {
  let ended: (exit: JobExit) => void = () => {}
  const exited = new Promise<JobExit>((resolve) => {
    ended = resolve
  })
  const job: FakeJob = {
    node,
    epoch,
    alive: true,
    end: undefined,
    finish(end, exit) {
      if (!job.alive) return
      Object.assign(job, { alive: false, end })
      ended(exit)
    },
  }
  jobs.push(job)
  const saved = () => ({ folder: `savepoint-${++folders}`, sizeBytes: 1 })
  return {
    running: hangs ? exited.then(() => Promise.reject(new Error('it ended'))) : Promise.resolve(),
    exited,
    async stop() {
      job.finish('stopped', { outcome: 'STOPPED', cause: undefined })
      return saved()
    },
    savepoint: async () => saved(),
    suspend: async () => job.finish('suspended', { outcome: 'STOPPED', cause: undefined }),
    cancel: () => job.finish('cancelled', { outcome: 'CANCELED', cause: undefined }),
    setLogLevel() {},
    kill: () => job.finish('killed', { outcome: 'FAILED', cause: undefined }),
  }
}

async function described() {
  const application = await store.application('x')
  return application!
}

/** The node that the application was placed on, and the other. */
async function running(...nodes: readonly Node[]): Promise<{ owner: Node; other: Node; job: FakeJob }> {
  await nodes[0]!.lifecycle.start(await described(), run)
  await time.advance(3_000)
  expect((await described()).status).toBe('RUNNING')
  const owner = nodes.find(({ ownership }) => ownership.isMine('x'))!
  const other = nodes.find((node) => node !== owner)!
  expect(jobs).toEqual([expect.objectContaining({ node: owner.id, alive: true })])
  return { owner, other, job: jobs[0]! }
}

test('what either node is asked for, the one does that has the application', async () => {
  const { owner, other } = await running(await join('n1', 'a'), await join('n2', 'b'))
  await other.lifecycle.snapshots.create(await described(), { name: 's', kind: 'legacy' })
  await time.advance(3_000)
  expect(await store.snapshot('x', 's')).toMatchObject({ status: 'READY', folder: 'savepoint-1' })
  await expect(other.lifecycle.hibernate(await described())).rejects.toMatchObject({ code: 'NOT_RUNNING' })

  await other.lifecycle.stop(await described())
  await time.advance(3_000)
  expect(await described()).toMatchObject({ status: 'READY' })
  expect(jobs).toEqual([expect.objectContaining({ node: owner.id, end: 'stopped' })])

  const accepted = await other.lifecycle.delete(await described())
  await time.advance(3_000)
  expect(await store.application('x')).toBeUndefined()
  expect(await store.operation('x', accepted.operation.id)).toMatchObject({ status: 'SUCCESSFUL' })
})

test('a forced stop by another node ends the job that the owner waits for', async () => {
  const nodes = [await join('n1', 'a'), await join('n2', 'b')]
  hangs = true
  await nodes[0]!.lifecycle.start(await described(), run)
  await time.advance(3_000)
  expect((await described()).status).toBe('STARTING')
  const [job] = jobs as [FakeJob]
  const other = nodes.find(({ id }) => id !== job.node)!
  await other.lifecycle.stop(await described(), { force: true })
  await time.advance(3_000)
  expect((await described()).status).toBe('READY')
  expect(jobs.map(({ end }) => end)).toEqual(['cancelled'])
})

test('a node that is cut off kills its job and writes nothing; the other goes on, in a later epoch', async () => {
  const { owner, other, job } = await running(await join('n1', 'a'), await join('n2', 'b'))
  owner.isCutOff = true
  await time.advance(5_500)
  expect(job.end).toBe('killed')
  await time.advance(10_000)
  expect(jobs.filter(({ alive }) => alive)).toEqual([expect.objectContaining({ node: other.id, epoch: job.epoch + 1 })])
  expect((await described()).status).toBe('RUNNING')
  owner.isCutOff = false
  await time.advance(10_000)
  expect(jobs).toHaveLength(2)
  expect(jobs[1]!.alive).toBe(true)
})

test('a node whose application has moved without its knowledge learns of it by a refused write', async () => {
  const { owner, other, job } = await running(await join('n1', 'a'), await join('n2', 'b'))
  const placed = zones.placements.get('x')!
  // Before anyone looks: its job ends, and what follows from that must not be written.
  zones.placements.set('x', { ...placed, node: other.id, epoch: placed.epoch + 1 })
  const before = await described()
  job.finish('failed', { outcome: 'FAILED', cause: new EngineError('BROKEN', { kind: 'bug', message: 'broken' }) })
  await time.advance(10)
  expect(owner.ownership.isMine('x')).toBe(false)
  expect(await described()).toEqual(before)
  await time.advance(3_000)
  expect(jobs.filter(({ alive }) => alive)).toEqual([expect.objectContaining({ node: other.id, epoch: job.epoch + 1 })])
  expect((await described()).status).toBe('RUNNING')
})

test('an operation is taken up where its node has died', async () => {
  const n1 = await join('n1', 'a')
  const n2 = await join('n2', 'b')
  const { owner, other } = await running(n1, n2)
  owner.isCutOff = true
  await other.lifecycle.stop(await described())
  await time.advance(20_000)
  expect((await described()).status).toBe('READY')
  expect(jobs.map(({ node, end }) => [node, end])).toEqual([
    [owner.id, 'killed'],
    [other.id, 'stopped'],
  ])
})

test('a node that leaves ends its job in good order, and the other goes on at once', async () => {
  const { owner, other, job } = await running(await join('n1', 'a'), await join('n2', 'b'))
  await owner.lifecycle.close()
  await owner.ownership.close()
  expect(job.end).toBe('suspended')
  await time.advance(6_000)
  expect(jobs.filter(({ alive }) => alive)).toEqual([expect.objectContaining({ node: other.id })])
})
