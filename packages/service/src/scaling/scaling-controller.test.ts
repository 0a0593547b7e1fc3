import type { Split } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { newApplication } from '../applications/lifecycle-world-fixture.ts'
import { ApiError } from '../wire/api-error.ts'
import { ScalingController, type ScalingControllerParts } from './scaling-controller.ts'
import type { ScalingPoint } from './scaling-point.ts'
import type { SourceListener } from './source-probe.ts'

const minute = 60_000

let time: VirtualTime
let records: Map<string, ApplicationRecord>
let parallelism: Map<string, number>
let figures: Partial<ScalingPoint> | undefined
let calls: string[]
let lines: { message: string; fields: Record<string, unknown> | undefined }[]
let refuses: boolean
let fails: boolean

beforeEach(() => {
  time = new VirtualTime()
  records = new Map()
  parallelism = new Map()
  figures = {}
  calls = []
  lines = []
  refuses = false
  fails = false
})

function add(name: string, group: Record<string, string> = {}, autoScalingEnabled = true): void {
  const application = newApplication(name, time.now())
  const { configuration } = application
  records.set(name, {
    ...application,
    status: 'RUNNING',
    configuration: {
      ...configuration,
      properties: { millrace: group },
      parallelism: { ...configuration.parallelism, configurationType: 'CUSTOM', autoScalingEnabled },
    },
  })
  parallelism.set(name, 1)
}

function change(name: string, changes: Partial<ApplicationRecord>): void {
  records.set(name, { ...records.get(name)!, ...changes })
}

function controller(more: Partial<ScalingControllerParts> = {}): ScalingController {
  const created = new ScalingController({
    applications: async () => [...records.values()],
    signals: {
      point: async ({ name }) =>
        figures && {
          timestampMs: time.now(),
          cpuUtilizationPercent: undefined,
          busyPercent: undefined,
          recordsInPerSecond: undefined,
          backlog: undefined,
          currentParallelism: parallelism.get(name)!,
          ...figures,
        },
    },
    actions: {
      async scale({ name }, to) {
        if (refuses) throw new ApiError('ResourceInUseException', 'Application is UPDATING.')
        calls.push(`${name} ${parallelism.get(name)} -> ${to} at ${(time.now() - 1_700_000_000_000) / 1000}`)
        if (!fails) parallelism.set(name, to)
      },
      log: (_, __, message, fields) => void lines.push({ message, fields }),
    },
    clock: time,
    scheduler: time,
    ...more,
  })
  created.start()
  return created
}

test("Amazon's rule sees the greatest value of each minute, and its decision is logged and described", async () => {
  add('a')
  const scaling = controller()
  for (let second = 0; second < 15 * 60 + 20; second += 10) {
    figures = { cpuUtilizationPercent: second % 60 === 0 ? 80 : 20 }
    await time.advance(10_000)
  }
  expect(calls).toEqual(['a 1 -> 2 at 900'])
  expect(lines).toEqual([
    { message: 'parallelism changes', fields: expect.objectContaining({ from: 1, to: 2, cpuUtilizationPercent: 80 }) },
  ])
  expect(scaling.decisions('a')).toMatchObject([{ from: 1, parallelism: 2, outcome: 'accepted' }])
})

test('never without AutoScalingEnabled', async () => {
  add('a', { 'scaling.policy': 'backlog' }, false)
  figures = { cpuUtilizationPercent: 100, busyPercent: 100, recordsInPerSecond: 100 }
  controller()
  await time.advance(60 * minute)
  expect(calls).toEqual([])
})

test('the policy on backlog is asked each ten seconds', async () => {
  add('a', { 'scaling.policy': 'backlog', 'scaling.max-parallelism': '6' })
  figures = { busyPercent: 100, recordsInPerSecond: 1000, backlog: { records: 600_000 } }
  controller()
  await time.advance(minute)
  expect(calls).toEqual(['a 1 -> 4 at 30'])
})

test('the limit of KPUs bounds it', async () => {
  add('a', { 'scaling.policy': 'backlog' })
  figures = { busyPercent: 100, recordsInPerSecond: 1000, backlog: { records: 600_000 } }
  controller({ kpuLimit: 3 })
  await time.advance(10 * minute)
  expect(parallelism.get('a')).toBe(3)
})

test('a refusal is tolerated, and the next point decides again', async () => {
  add('a')
  figures = { cpuUtilizationPercent: 90 }
  refuses = true
  const scaling = controller()
  await time.advance(15.5 * minute)
  expect(calls).toEqual([])
  expect(scaling.decisions('a')).toMatchObject([{ outcome: 'refused' }])
  refuses = false
  await time.advance(minute + 10_000)
  expect(parallelism.get('a')).toBe(2)
})

test('a change that is accepted and fails is tried again at growing distances', async () => {
  add('a', { 'scaling.policy': 'backlog' })
  figures = { busyPercent: 100, recordsInPerSecond: 1000 }
  fails = true
  controller()
  await time.advance(120 * minute)
  expect(calls.length).toBeGreaterThan(3)
  expect(calls.length).toBeLessThan(12)
})

test('an update, a stop and a restart of the service begin the windows afresh', async () => {
  add('a')
  figures = { cpuUtilizationPercent: 90 }
  const first = controller()
  await time.advance(14.5 * minute)
  change('a', { versionId: 2 })
  await time.advance(14.5 * minute)
  change('a', { status: 'READY' })
  await time.advance(10_000)
  change('a', { status: 'RUNNING' })
  await time.advance(14.5 * minute)
  await first.close()
  controller()
  await time.advance(14.5 * minute)
  expect(calls).toEqual([])
  await time.advance(minute)
  expect(calls.length).toBe(1)
})

test('one application whose figures fail is in no other one’s way; one that is gone is forgotten', async () => {
  add('a')
  add('b')
  figures = { cpuUtilizationPercent: 90 }
  const scaling = controller({
    signals: {
      point: async ({ name }) => {
        if (name === 'a') throw new Error('no answer')
        return {
          timestampMs: time.now(),
          cpuUtilizationPercent: 90,
          busyPercent: undefined,
          recordsInPerSecond: undefined,
          backlog: undefined,
          currentParallelism: parallelism.get(name)!,
        }
      },
    },
  })
  await time.advance(16 * minute)
  expect(calls.length).toBe(1)
  expect(lines.some(({ message }) => message === 'scaling not looked at')).toBe(true)
  records.delete('b')
  await time.advance(minute)
  expect(scaling.decisions('b')).toEqual([])
})

test('after close nothing happens any more', async () => {
  add('a')
  figures = { cpuUtilizationPercent: 90 }
  await controller().close()
  await time.advance(60 * minute)
  expect(calls).toEqual([])
  expect(time.pendingTimers).toBe(0)
})

/** A world in which sleeping takes a second each way. */
function sleeping({ watchable = true, hasCheckpoint = true } = {}) {
  const asleep = new Set<string>()
  const watches = new Set<SourceListener>()
  let refusals = 0
  return {
    asleep,
    watches,
    refuse: (times: number) => {
      refusals = times
    },
    hibernation: {
      async hibernate({ name }: ApplicationRecord) {
        calls.push(`hibernate ${name}`)
        await new Promise<void>((resolve) => time.after(1000, resolve))
        asleep.add(name)
      },
      async wake({ name }: ApplicationRecord) {
        if (refusals-- > 0) throw new ApiError('ResourceInUseException', 'not now')
        calls.push(`wake ${name}`)
        asleep.delete(name)
        change(name, { epoch: records.get(name)!.epoch + 1 })
      },
      isAsleep: ({ name }: ApplicationRecord) => asleep.has(name),
      application: async (name: string) => records.get(name),
      splits: async () => (hasCheckpoint ? [{ id: 'shardId-000000000000' }] : undefined),
      probes: [
        {
          watch(_: ApplicationRecord, __: readonly Split[], listener: SourceListener) {
            if (!watchable) return undefined
            watches.add(listener)
            return { cancel: () => void watches.delete(listener) }
          },
        },
      ],
    },
  }
}

const idle = { recordsInPerSecond: 0, backlog: { millisBehindLatest: 0 } }

test('an idle application hibernates, and wakes within a second of the first record', async () => {
  add('a', { 'hibernate.after-minutes': '5' })
  figures = idle
  const world = sleeping()
  controller({ hibernation: world.hibernation })
  await time.advance(5 * minute - 10_000)
  expect(calls).toEqual([])
  await time.advance(10_000)
  expect(calls).toEqual(['hibernate a'])
  // It is watched as soon as it sleeps, not at the next tick.
  await time.advance(1000)
  expect(world.watches.size).toBe(1)
  await time.advance(60 * minute)
  expect(calls).toEqual(['hibernate a'])
  for (const { onData } of world.watches) onData()
  await time.advance(0)
  expect(calls).toEqual(['hibernate a', 'wake a'])
  expect(lines.map(({ message }) => message)).toEqual([
    'hibernates: nothing has come in',
    'wakes: its sources have something',
  ])
})

test('a waking that is refused is tried again while it sleeps', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = idle
  const world = sleeping()
  controller({ hibernation: world.hibernation })
  await time.advance(2 * minute)
  world.refuse(2)
  for (const { onData } of world.watches) onData()
  await time.advance(500)
  expect(calls).toEqual(['hibernate a', 'wake a'])
})

test('one that slept when the service ended is watched by the next', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = undefined
  const world = sleeping()
  world.asleep.add('a')
  const scaling = controller({ hibernation: world.hibernation })
  await time.advance(10_000)
  expect(world.watches.size).toBe(1)
  await scaling.close()
  expect(world.watches.size).toBe(0)
})

test('one that is stopped or deleted while it sleeps is no longer watched', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = idle
  const world = sleeping()
  controller({ hibernation: world.hibernation })
  await time.advance(2 * minute)
  change('a', { status: 'READY' })
  await time.advance(10_000)
  expect(world.watches.size).toBe(0)
})

test('sources that cannot be watched refuse hibernation, told once a version', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = idle
  controller({ hibernation: sleeping({ watchable: false }).hibernation })
  await time.advance(30 * minute)
  expect(calls).toEqual([])
  expect(lines.map(({ message }) => message)).toEqual(['not hibernated: its sources cannot be watched while it sleeps'])
  change('a', { versionId: 2 })
  await time.advance(2 * minute)
  expect(lines.length).toBe(2)
})

test('sources that refuse while it sleeps wake it, and it sleeps no more in this version', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = idle
  const world = sleeping()
  controller({ hibernation: world.hibernation })
  await time.advance(2 * minute)
  for (const { onRefused } of world.watches) onRefused('AccessDeniedException: no')
  await time.advance(30 * minute)
  expect(calls).toEqual(['hibernate a', 'wake a'])
  expect(lines.at(-1)).toMatchObject({
    message: 'not hibernated: its sources cannot be watched while it sleeps',
    fields: { reason: 'AccessDeniedException: no' },
  })
})

test('a refusal that comes when somebody else has woken it says nothing', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  figures = idle
  const world = sleeping()
  controller({ hibernation: world.hibernation })
  await time.advance(2 * minute)
  await world.hibernation.wake(records.get('a')!)
  for (const { onRefused } of world.watches) onRefused('AccessDeniedException: no')
  await time.advance(2 * minute)
  expect(calls).toEqual(['hibernate a', 'wake a', 'hibernate a'])
  expect(lines.map(({ message }) => message)).toEqual([
    'hibernates: nothing has come in',
    'hibernates: nothing has come in',
  ])
})

test('before its first checkpoint, and without being asked to, none hibernates', async () => {
  add('a', { 'hibernate.after-minutes': '1' })
  add('b')
  figures = idle
  controller({ hibernation: sleeping({ hasCheckpoint: false }).hibernation })
  await time.advance(30 * minute)
  expect(calls).toEqual([])
  expect(lines).toEqual([])
})
