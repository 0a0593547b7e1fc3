import { beforeEach, describe, expect, test } from 'vitest'
import { EngineError, serializeError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { seededRandom } from '../common/random.ts'
import { createFileSystems } from '../runtime/storage/file-systems.ts'
import { memoryFileSystem } from '../runtime/storage/memory-file-system.ts'
import { MemoryStorage } from '../runtime/storage/memory-storage.ts'
import type { ToThread } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { CheckpointCoordinator, type CheckpointSettings, type CompletedCheckpoint } from './checkpoint-coordinator.ts'
import { CheckpointStorage, loadCheckpoint } from './checkpoint-storage.ts'
import { CheckpointHistory } from './monitor/checkpoint-history.ts'

const graph: JobGraph = {
  name: 'test',
  maxParallelism: 256,
  hash: 'hash',
  edges: [],
  tasks: [
    {
      index: 0,
      name: 'task',
      parallelism: 2,
      operators: [
        {
          id: 'op',
          name: 'Operator',
          hasUid: true,
          stateful: true,
          outputs: [],
          factory: {
            kind: 'operator',
            create() {
              throw new Error('not made here')
            },
          },
        },
      ],
    },
  ],
}

const owner = { epoch: 1, attempt: 1, nonce: 'nonce' }
let time: VirtualTime
let storage: MemoryStorage
let posts: ToThread[]
let completed: CompletedCheckpoint[]
let failures: EngineError[]
let history: CheckpointHistory
let fileSystem: ReturnType<typeof memoryFileSystem>

beforeEach(() => {
  time = new VirtualTime()
  storage = new MemoryStorage({ clock: time })
  fileSystem = memoryFileSystem({ storage, clock: time, random: seededRandom(1) })
  posts = []
  completed = []
  failures = []
  history = new CheckpointHistory(graph, time)
})

async function coordinatorOf(settings: Partial<CheckpointSettings> = {}, stored = true) {
  const checkpoints = new CheckpointStorage('/checkpoints', fileSystem, owner, time)
  if (stored) await checkpoints.takeOver()
  return new CheckpointCoordinator({
    graph,
    owner,
    settings: {
      intervalMs: 1000,
      mode: 'exactly-once',
      timeoutMs: 5000,
      minPauseMs: 0,
      tolerableFailures: 0,
      retained: 1,
      ...settings,
    },
    storage: stored ? checkpoints : undefined,
    fileSystems: createFileSystems({ file: fileSystem }),
    clock: time,
    scheduler: time,
    logger: silentLogger,
    history,
    post: (message) => posts.push(message),
    snapshotEnumerators: () => [],
    onCompleted: (checkpoint) => completed.push(checkpoint),
    onFailure: (error) => failures.push(error),
  })
}

const triggered = () => posts.flatMap((post) => (post.kind === 'trigger-checkpoint' ? [post.barrier.checkpointId] : []))
const told = (kind: 'checkpoint-complete' | 'checkpoint-aborted') =>
  posts.flatMap((post) => (post.kind === kind ? [post.checkpointId] : []))

async function acknowledge(coordinator: CheckpointCoordinator, id: number, subtasks = [0, 1]): Promise<void> {
  for (const subtask of subtasks) {
    const file = `/checkpoints/chk-${id}/task-0-${subtask}.state`
    await fileSystem.write(file, new Uint8Array(3))
    const times = { startDelayMs: 1, alignmentMs: 2, syncMs: 3, asyncMs: 4 }
    const snapshot = { task: 0, subtask, file, sizeBytes: 3, operatorIds: ['op'], ...times }
    coordinator.acknowledge(id, snapshot)
  }
  await time.advance(0)
}

const ask = (coordinator: CheckpointCoordinator, kind: 'checkpoint' | 'savepoint', targetFolder?: string) => {
  const asked = coordinator.trigger({ kind, stop: 'none', targetFolder })
  asked.catch(() => {})
  return asked
}

test('a checkpoint is complete when all subtasks have answered and the record is durable; then all are told', async () => {
  const coordinator = await coordinatorOf()
  const asked = ask(coordinator, 'checkpoint')
  await acknowledge(coordinator, 2, [0])
  expect(storage.has('/checkpoints/chk-2/_metadata')).toBe(false)
  await acknowledge(coordinator, 2, [1])
  expect(await asked).toMatchObject({ id: 2, kind: 'checkpoint', path: '/checkpoints/chk-2', sizeBytes: 6 })
  expect(completed.map(({ id }) => id)).toEqual([2])
  expect(told('checkpoint-complete')).toEqual([2])
  const { record } = await loadCheckpoint('/checkpoints/chk-2', fileSystem)
  expect(record.operators).toEqual([
    { operatorId: 'op', operatorName: 'Operator', parallelism: 2, files: ['task-0-0.state', 'task-0-1.state'] },
  ])
})

test('the subtasks’ files carry the attempt', async () => {
  ask(await coordinatorOf(), 'checkpoint')
  expect(posts).toMatchObject([{ target: { folder: '/checkpoints/chk-2', writer: '1-1-nonce' } }])
})

test('one that isn’t complete in time is given up; answers that come later change nothing', async () => {
  const coordinator = await coordinatorOf({ tolerableFailures: 5 })
  const asked = ask(coordinator, 'checkpoint')
  await acknowledge(coordinator, 2, [0])
  await time.advance(5000)
  await expect(asked).rejects.toMatchObject({
    code: 'CHECKPOINT_EXPIRED',
    message: expect.stringContaining('1 subtasks'),
  })
  expect(told('checkpoint-aborted')).toEqual([2])
  await acknowledge(coordinator, 2, [1])
  expect(completed).toEqual([])
  const next = ask(coordinator, 'checkpoint')
  await acknowledge(coordinator, 3)
  expect(await next).toMatchObject({ id: 3 })
})

describe('periodic checkpoints', () => {
  test('come at the interval, from trigger to trigger', async () => {
    const coordinator = await coordinatorOf()
    coordinator.start()
    await time.advance(1000)
    expect(triggered()).toEqual([2])
    await time.advance(300)
    await acknowledge(coordinator, 2)
    await time.advance(699)
    expect(triggered()).toEqual([2])
    await time.advance(1)
    expect(triggered()).toEqual([2, 3])
  })

  test('wait for the pause after the last completion', async () => {
    const coordinator = await coordinatorOf({ minPauseMs: 900 })
    coordinator.start()
    await time.advance(1500)
    await acknowledge(coordinator, 2)
    await time.advance(899)
    expect(triggered()).toEqual([2])
    await time.advance(1)
    expect(triggered()).toEqual([2, 3])
  })

  test('one that falls due during another follows it at once, and only one', async () => {
    const coordinator = await coordinatorOf()
    coordinator.start()
    await time.advance(3500)
    expect(triggered()).toEqual([2])
    await acknowledge(coordinator, 2)
    expect(triggered()).toEqual([2, 3])
    await acknowledge(coordinator, 3)
    await time.advance(999)
    expect(triggered()).toEqual([2, 3])
  })

  test('stop while the job is being stopped', async () => {
    const coordinator = await coordinatorOf()
    coordinator.start()
    coordinator.pausePeriodic()
    await time.advance(5000)
    expect(triggered()).toEqual([])
  })
})

describe('savepoints', () => {
  test('wait for a checkpoint under way, not for the pause, and go before periodic ones', async () => {
    const coordinator = await coordinatorOf({ minPauseMs: 5000 })
    coordinator.start()
    await time.advance(1000)
    const savepoint = ask(coordinator, 'savepoint', '/savepoints/a')
    await time.advance(1000)
    expect(triggered()).toEqual([2])
    await acknowledge(coordinator, 2)
    expect(triggered()).toEqual([2, 3])
    await acknowledge(coordinator, 3)
    expect(await savepoint).toMatchObject({ id: 3, kind: 'savepoint', path: '/savepoints/a' })
  })

  test('are a copy of their own: state files and metadata', async () => {
    const coordinator = await coordinatorOf()
    const savepoint = ask(coordinator, 'savepoint', '/savepoints/a')
    await acknowledge(coordinator, 2)
    await savepoint
    await fileSystem.delete('/checkpoints')
    const { record } = await loadCheckpoint('/savepoints/a', fileSystem)
    expect(record).toMatchObject({ kind: 'savepoint', checkpointId: 2 })
    for (const file of record.operators[0]?.files ?? []) expect(storage.has(`/savepoints/a/${file}`)).toBe(true)
  })

  test('of an attempt that was replaced don’t look like one', async () => {
    const coordinator = await coordinatorOf()
    const savepoint = ask(coordinator, 'savepoint', '/savepoints/a')
    await new CheckpointStorage('/checkpoints', fileSystem, { ...owner, epoch: 2, nonce: 'n2' }, time).takeOver()
    await acknowledge(coordinator, 2)
    await expect(savepoint).rejects.toMatchObject({ code: 'FENCED' })
    expect(failures).toMatchObject([{ kind: 'fenced' }])
    expect(storage.has('/savepoints/a/_metadata')).toBe(false)
    expect(told('checkpoint-complete')).toEqual([])
  })

  test('that fail don’t count as failures of the job', async () => {
    const coordinator = await coordinatorOf()
    const savepoint = ask(coordinator, 'savepoint', '/savepoints/a')
    coordinator.decline(2, serializeError(new EngineError('X', { kind: 'unavailable', message: 'no' })))
    await expect(savepoint).rejects.toMatchObject({ code: 'X' })
    expect(failures).toEqual([])
  })
})

describe('failures', () => {
  const decline = (coordinator: CheckpointCoordinator, id: number) =>
    coordinator.decline(id, serializeError(new EngineError('X', { kind: 'unavailable', message: 'no room' })))

  test('as many in a row as tolerated don’t fail the job; one more does, a success in between starts afresh', async () => {
    const coordinator = await coordinatorOf({ tolerableFailures: 1 })
    const fail = (id: number) => {
      ask(coordinator, 'checkpoint')
      decline(coordinator, id)
    }
    fail(2)
    ask(coordinator, 'checkpoint')
    await acknowledge(coordinator, 3)
    fail(4)
    expect(failures).toEqual([])
    fail(5)
    expect(failures).toMatchObject([
      { code: 'CHECKPOINT_FAILED', kind: 'unavailable', message: expect.stringContaining('no room') },
    ])
  })

  test('a decline of one that is over is nobody’s', async () => {
    const coordinator = await coordinatorOf()
    ask(coordinator, 'checkpoint')
    await acknowledge(coordinator, 2)
    decline(coordinator, 2)
    expect(failures).toEqual([])
    expect(told('checkpoint-aborted')).toEqual([])
  })

  test('a lost answer of the record’s create aborts the checkpoint, and the next one goes through', async () => {
    const coordinator = await coordinatorOf({ tolerableFailures: 1 })
    const stop = storage.faults.failWhen(({ operation, phase }) =>
      operation === 'createExclusive' && phase === 'after'
        ? new EngineError('STORAGE_FAILED', { kind: 'unavailable', message: 'cut' })
        : undefined,
    )
    ask(coordinator, 'checkpoint')
    await acknowledge(coordinator, 2)
    expect(told('checkpoint-aborted')).toEqual([2])
    stop()
    ask(coordinator, 'checkpoint')
    await acknowledge(coordinator, 3)
    expect(told('checkpoint-complete')).toEqual([3])
  })
})

test('so many completed checkpoints are kept as were asked for, also those from before a restart', async () => {
  const before = await coordinatorOf({ retained: 3 })
  for (const id of [2, 3, 4, 5]) {
    ask(before, 'checkpoint')
    await acknowledge(before, id)
  }
  const kept = () =>
    storage.paths().flatMap((path) => (path.endsWith('/_metadata') ? [Number(/chk-(\d+)/.exec(path)?.[1])] : []))
  expect(kept()).toEqual([3, 4, 5])
  const after = await coordinatorOf({ retained: 3 })
  ask(after, 'checkpoint')
  await acknowledge(after, 7)
  // 6 is the takeover.
  expect(kept()).toEqual([4, 5, 6, 7])
})

test('without a place for checkpoints they commit sinks all the same', async () => {
  const coordinator = await coordinatorOf({}, false)
  const asked = ask(coordinator, 'checkpoint')
  expect(posts).toMatchObject([{ target: undefined }])
  await acknowledge(coordinator, 1)
  expect(await asked).toMatchObject({ id: 1, path: undefined })
  expect(told('checkpoint-complete')).toEqual([1])
})

test('whoever waits is told when the attempt ends', async () => {
  const coordinator = await coordinatorOf()
  const asked = [ask(coordinator, 'checkpoint'), ask(coordinator, 'savepoint', '/savepoints/a')]
  coordinator.stop()
  for (const each of [...asked, ask(coordinator, 'checkpoint')]) {
    await expect(each).rejects.toMatchObject({ code: 'CHECKPOINT_ABORTED' })
  }
})
