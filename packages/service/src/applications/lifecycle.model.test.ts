import { afterAll, describe, expect, test } from 'vitest'
import { ApiError } from '../wire/api-error.ts'
import {
  type ApplicationConfiguration,
  type ApplicationRecord,
  type ApplicationStatus,
  applicationStatuses,
  type RunConfiguration,
} from './application-record.ts'
import type { Accepted } from './lifecycle.ts'
import { type Bug, newApplication, World } from './lifecycle-world-fixture.ts'
import { type LifecycleCall, lifecycleCalls, nextStatus } from './state-machine.ts'

/** As many as are asked for, from the seed that a failure names: `MILLRACE_MODEL_SEQUENCES=20000 MILLRACE_MODEL_SEED=4711`. */
const sequences = Number(process.env['MILLRACE_MODEL_SEQUENCES'] ?? 10_000)
const firstSeed = Number(process.env['MILLRACE_MODEL_SEED'] ?? 1)
const meanLength = 32
const pairs = new Map<string, { accepted: number; refused: number }>()
const steps = new Map<string, number>()
let calls = 0
let length = 0
let crashes = 0
let deletions = 0

/** What the contract's table says, written down once more: where each call is welcome. */
const welcome: Readonly<Record<LifecycleCall, readonly ApplicationStatus[]>> = {
  StartApplication: ['READY', 'ROLLED_BACK'],
  StopApplication: ['RUNNING'],
  ForceStopApplication: ['STARTING', 'UPDATING', 'STOPPING', 'AUTOSCALING', 'RUNNING'],
  UpdateApplication: ['READY', 'RUNNING', 'ROLLED_BACK'],
  DeleteApplication: ['READY', 'RUNNING', 'ROLLED_BACK'],
  RollbackApplication: ['UPDATING', 'AUTOSCALING', 'RUNNING'],
  ScaleApplication: ['RUNNING'],
  CreateSnapshot: ['RUNNING'],
  Reconfigure: ['READY', 'RUNNING', 'ROLLED_BACK'],
  Hibernate: ['RUNNING'],
  Wake: ['RUNNING'],
}

/** Runs one random life and answers with the laws that were broken. */
async function live(seed: number, bug?: Bug): Promise<readonly string[]> {
  const world = new World({ seed, bug, keepsState: seed % 2 === 0 })
  const { random, time } = world
  await world.boot()
  // Statuses that only other operations lead to are found in the store now and then.
  const found = world.chance(0.1) ? applicationStatuses[random.int(0, applicationStatuses.length - 1)]! : 'READY'
  const outside = ['ROLLED_BACK', 'MAINTENANCE'].includes(found)
  await createIfGone(world, outside ? found : 'READY')
  const count = random.int(meanLength - 20, meanLength + 20)
  for (let i = 0; i < count && world.violations.length === 0; i++) {
    length++
    await step(world)
    await time.advance(world.chance(0.03) ? random.int(60_000, 700_000) : random.int(0, 1500))
    await world.check()
  }
  if (world.violations.length === 0) await world.settle()
  for (const [transition, times] of world.seen) steps.set(transition, (steps.get(transition) ?? 0) + times)
  return world.violations
}

async function createIfGone(world: World, status: ApplicationStatus = 'READY'): Promise<void> {
  if ((await world.store.application('a')) !== undefined) return
  const application = newApplication('a', world.time.now(), status)
  await world.store.createApplication(
    application,
    {},
    {
      id: `created-${world.time.now()}-${world.random.int(0, 1e9)}`,
      applicationName: 'a',
      name: 'CreateApplication',
      status: 'SUCCESSFUL',
      startedMs: world.time.now(),
      endedMs: world.time.now(),
      statusBefore: 'READY',
      versionFrom: undefined,
      versionTo: 1,
      arguments: {},
      error: undefined,
    },
  )
  world.acknowledged.clear()
  world.promised.clear()
}

async function step(world: World): Promise<void> {
  const { random } = world
  const job = world.processes.findLast(({ state }) => state === 'RUNNING')
  const dice = random.int(0, 99)
  if (!world.alive && dice < 40) return world.boot()
  if (dice < 65) return callSomething(world)
  if (dice < 72) return job?.die()
  if (dice < 78)
    return job?.fail('BROKEN', (['application', 'unavailable', 'invalid', 'bug'] as const)[random.int(0, 3)]!)
  if (dice < 80) return world.options.keepsState ? undefined : job?.finish()
  if (dice < 86) {
    crashes++
    return world.crash()
  }
  if (dice < 94) {
    crashes++
    return world.lightFuse(random.int(0, 12))
  }
  if (dice < 97 && world.alive) {
    const closing = world.service?.close()
    await world.time.advance(15_000)
    void closing
    return world.crash()
  }
}

async function callSomething(world: World): Promise<void> {
  const { service, random, store } = world
  if (service === undefined) return
  await createIfGone(world)
  const application = await store.application('a')
  if (application === undefined) return
  if (world.chance(0.06)) return deleteSnapshot(world)
  const call = lifecycleCalls[random.int(0, lifecycleCalls.length - 1)]!
  if (world.options.keepsState && (call === 'ForceStopApplication' || call === 'DeleteApplication')) return
  calls++
  const known = world.chance(0.05) ? { ...application, versionId: Math.max(1, application.versionId - 1) } : application
  const chosen = call === 'StartApplication' || call === 'UpdateApplication' ? await chosenRun(world) : undefined
  begin(world, call, known, chosen?.run).then(
    (accepted) => {
      if (chosen !== undefined && accepted !== undefined) world.chosen.set(accepted.operation.id, chosen.position)
      onAccepted(world, call, known, accepted)
    },
    (error) => onRefused(world, call, known, error),
  )
}

/** Any snapshot that is READY, now and then. */
async function chosenRun(world: World): Promise<{ run: RunConfiguration; position: number } | undefined> {
  if (world.options.keepsState || !world.chance(0.3)) return undefined
  const { items } = await world.store.listSnapshots('a', { status: 'READY' }, undefined, 50)
  const snapshot = items[world.random.int(0, Math.max(0, items.length - 1))]
  const position = world.savepoints.get(snapshot?.folder ?? '')
  if (snapshot === undefined || position === undefined) return undefined
  const { name: snapshotName } = snapshot
  return { run: { restoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', snapshotName, allowNonRestoredState: false }, position }
}

async function deleteSnapshot(world: World): Promise<void> {
  const { service, random, store } = world
  const { items } = await store.listSnapshots('a', {}, undefined, 50)
  const snapshot = items[random.int(0, Math.max(0, items.length - 1))]
  if (snapshot === undefined || service === undefined) return
  // Who deletes the latest one drops state on purpose.
  if (world.options.keepsState && snapshot.name === items.find(({ status }) => status === 'READY')?.name) return
  world.promised.delete(snapshot.name)
  service.snapshots.delete(snapshot).then(
    () => deletions++,
    (error) => {
      const isTyped = error instanceof ApiError || (error as { code?: string }).code === 'STORE_FAILED'
      if (!isTyped) world.violate('errors are typed', String(error))
    },
  )
}

function begin(
  world: World,
  call: LifecycleCall,
  application: ApplicationRecord,
  chosen: RunConfiguration | undefined,
): Promise<Accepted | undefined> {
  const service = world.service!
  const { random, options } = world
  switch (call) {
    case 'StartApplication': {
      const skip = !options.keepsState && world.chance(0.2)
      const restoreType = skip ? 'SKIP_RESTORE_FROM_SNAPSHOT' : 'RESTORE_FROM_LATEST_SNAPSHOT'
      return service.start(application, chosen ?? { restoreType, allowNonRestoredState: false })
    }
    case 'StopApplication':
      return service.stop(application, { drain: world.chance(0.1) })
    case 'ForceStopApplication':
      return service.stop(application, { force: true })
    case 'UpdateApplication':
      return service.update(application, {
        configuration: changedConfiguration(world, application),
        runConfiguration: chosen,
        runtimeEnvironment: undefined,
        serviceExecutionRole: undefined,
      })
    case 'DeleteApplication':
      return service.delete(application)
    case 'RollbackApplication':
      return service.rollback(application)
    case 'ScaleApplication':
      return service.scale(application, random.int(1, 8))
    case 'Reconfigure':
      return service.reconfigure(application, {
        name: 'AddApplicationCloudWatchLoggingOption',
        loggingOptions: [{ id: String(random.int(0, 99)), logStreamArn: 'arn' }],
      })
    case 'CreateSnapshot': {
      const name = `s${random.int(0, 1e9)}`
      return service.snapshots.create(application, { name, kind: 'legacy' }).then(() => {
        world.promised.add(name)
        return undefined
      })
    }
    case 'Hibernate':
      return service.hibernate(application).then(() => undefined)
    case 'Wake':
      return service.wake(application).then(() => undefined)
  }
}

function changedConfiguration(world: World, { configuration }: ApplicationRecord): ApplicationConfiguration {
  const { monitoring } = configuration
  const logLevel = monitoring.logLevel === 'INFO' ? 'DEBUG' : 'INFO'
  if (world.chance(0.3)) return { ...configuration, monitoring: { ...monitoring, logLevel } }
  return {
    ...configuration,
    properties: { group: { key: String(world.random.int(0, 99)) } },
    snapshotsEnabled: world.options.keepsState || world.chance(0.8),
    rollbackEnabled: world.chance(0.5),
  }
}

function onAccepted(world: World, call: LifecycleCall, known: ApplicationRecord, accepted: Accepted | undefined): void {
  if (accepted === undefined) {
    count(known.status, call, 'accepted')
    if (!welcome[call].includes(known.status)) world.violate('table', `${call} accepted in ${known.status}`)
    return
  }
  const { application, operation } = accepted
  world.acknowledged.set(operation.id, operation)
  count(operation.statusBefore, call, 'accepted')
  // A forced stop may have found it one state further.
  if (!welcome[call].includes(operation.statusBefore))
    world.violate('table', `${call} accepted in ${operation.statusBefore}`)
  if (call !== 'ForceStopApplication' && operation.statusBefore !== known.status)
    world.violate('table', 'status changed')
  if (application.status !== nextStatus(operation.statusBefore, call))
    world.violate('table', `${call} → ${application.status}`)
}

function onRefused(world: World, call: LifecycleCall, known: ApplicationRecord, error: unknown): void {
  if (!(error instanceof ApiError)) {
    const { code } = error as { code?: string }
    const sleeps = call === 'Hibernate' || call === 'Wake'
    if (code !== 'STORE_FAILED' && !sleeps) world.violate('errors are typed', String(error))
    return
  }
  const types = [
    'ResourceInUseException',
    'ConcurrentModificationException',
    'ResourceNotFoundException',
    'ServiceUnavailableException',
    ...(call === 'RollbackApplication' ? ['InvalidRequestException'] : []),
    ...(call === 'CreateSnapshot' ? ['InvalidApplicationConfigurationException'] : []),
  ]
  if (!types.includes(error.type)) world.violate('errors are typed', error.type)
  const isWelcome = welcome[call].includes(known.status)
  if (!isWelcome) count(known.status, call, 'refused')
  if (!isWelcome && error.type !== 'ResourceInUseException' && error.type !== 'ServiceUnavailableException') {
    world.violate('errors are typed', `${error.type} for ${call} in ${known.status}`)
  }
}

function count(status: ApplicationStatus, call: LifecycleCall, outcome: 'accepted' | 'refused'): void {
  const key = `${status} × ${call}`
  const pair = pairs.get(key) ?? { accepted: 0, refused: 0 }
  pair[outcome]++
  pairs.set(key, pair)
}

test('the laws hold in every life', { timeout: 600_000 }, async () => {
  for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
    expect({ seed, violations: await live(seed) }).toEqual({ seed, violations: [] })
  }
})

test('every call met every status, and every transition that this service makes was seen', () => {
  const missing = applicationStatuses.flatMap((status) =>
    lifecycleCalls.filter((call) => !pairs.has(`${status} × ${call}`)).map((call) => `${status} × ${call}`),
  )
  expect(missing).toEqual([])
  const expected = [
    ...['READY → STARTING', 'READY → UPDATING', 'READY → DELETING', 'STARTING → RUNNING', 'STARTING → READY'],
    ...['STARTING → FORCE_STOPPING', 'RUNNING → STOPPING', 'RUNNING → FORCE_STOPPING', 'RUNNING → UPDATING'],
    ...['RUNNING → DELETING', 'RUNNING → READY', 'STOPPING → READY', 'STOPPING → FORCE_STOPPING'],
    ...[
      'FORCE_STOPPING → READY',
      'UPDATING → RUNNING',
      'UPDATING → READY',
      'UPDATING → FORCE_STOPPING',
      'DELETING → READY',
    ],
    ...['RUNNING → AUTOSCALING', 'AUTOSCALING → RUNNING', 'AUTOSCALING → READY', 'AUTOSCALING → FORCE_STOPPING'],
    ...['RUNNING → ROLLING_BACK', 'UPDATING → ROLLING_BACK', 'AUTOSCALING → ROLLING_BACK', 'ROLLING_BACK → RUNNING'],
    ...['ROLLING_BACK → READY', 'ROLLING_BACK → ROLLED_BACK'],
  ]
  expect(expected.filter((transition) => !steps.has(transition))).toEqual([])
})

describe('a planted bug is caught', () => {
  test.each<{ bug: Bug; law: RegExp }>([
    { bug: 'operation never ended', law: /no operation is stuck|one operation/ },
    { bug: 'second job', law: /at most one job/ },
    { bug: 'version falls back', law: /version monotone/ },
    { bug: 'acknowledged before stored', law: /acknowledged means durable/ },
    { bug: 'other status in between', law: /status sequence/ },
    { bug: 'state forgotten', law: /state kept/ },
    { bug: 'failure without a cause', law: /root cause/ },
    { bug: 'another snapshot restored', law: /the chosen snapshot/ },
    { bug: 'snapshot without files', law: /a snapshot is restorable/ },
    { bug: 'rolled back to itself', law: /rolled back/ },
    { bug: 'wakes by itself', law: /asleep until woken/ },
    { bug: 'snapshot forgotten', law: /acknowledged means durable/ },
  ])('$bug', async ({ bug, law }) => {
    for (let seed = 1; seed <= 300; seed++) {
      const violations = await live(seed, bug)
      if (violations.some((violation) => law.test(violation))) return
    }
    expect.unreachable(`${bug} was not noticed in 300 sequences`)
  })
})

afterAll(() => {
  const table = [...pairs]
    .sort()
    .map(([pair, { accepted, refused }]) => `${pair}: ${accepted} accepted, ${refused} refused`)
  const moves = [...steps].sort().map(([transition, times]) => `${transition}: ${times}`)
  const summary = `${sequences} sequences, ${length} steps, ${calls} calls, ${crashes} crashes, ${deletions} snapshots deleted`
  process.stdout.write(`${[summary, ...table, ...moves].join('\n')}\n`)
})
