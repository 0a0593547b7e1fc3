import { describe, expect, test } from 'vitest'
import { seededRandom } from '../common/random.ts'
import { memoryFileSystem } from '../runtime/storage/memory-file-system.ts'
import { MemoryStorage } from '../runtime/storage/memory-storage.ts'
import type { FileSystem } from '../spi/file-system.ts'
import { storageFailed } from '../spi/file-system-errors.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import type { CheckpointRecord } from './checkpoint-metadata.ts'
import { CheckpointStorage, loadCheckpoint } from './checkpoint-storage.ts'

const FOLDER = '/checkpoints'

function shared() {
  const clock = new VirtualTime()
  const storage = new MemoryStorage({ clock })
  const fileSystem = memoryFileSystem({ storage, clock, random: seededRandom(1) })
  const attempt = (epoch: number, files: FileSystem = fileSystem, nonce = `nonce-${epoch}`) => {
    const owner = { epoch, attempt: 1, nonce }
    const checkpoints = new CheckpointStorage(FOLDER, files, owner, clock)
    const complete = (checkpointId: number) => checkpoints.complete(recordOf(checkpointId, owner))
    return { checkpoints, complete, owner }
  }
  const records = () => storage.paths().map((path) => path.slice(FOLDER.length + 1).split('/')[0])
  return { storage, fileSystem, attempt, records }
}

function recordOf(checkpointId: number, owner: CheckpointRecord['owner']): CheckpointRecord {
  return {
    kind: 'checkpoint',
    checkpointId,
    owner,
    applicationName: 'test',
    graphHash: 'hash',
    maxParallelism: 256,
    timestampMs: 0,
    sizeBytes: 0,
    operators: [],
    enumerators: [],
  }
}

const fenced = expect.objectContaining({ code: 'FENCED', kind: 'fenced' })

test('numbers are one sequence over all attempts', async () => {
  const { attempt, records } = shared()
  const first = attempt(1)
  expect(await first.checkpoints.takeOver()).toBeUndefined()
  await first.complete(2)
  await first.complete(3)
  const second = attempt(2)
  expect((await second.checkpoints.takeOver())?.record.checkpointId).toBe(3)
  expect(second.checkpoints.lastNumber).toBe(4)
  expect(second.checkpoints.completedBefore).toEqual([2, 3])
  await second.complete(5)
  expect(records()).toEqual(['chk-1', 'chk-2', 'chk-3', 'chk-4', 'chk-5'])
})

test('numbers of checkpoints that were given up are filled before the next one', async () => {
  const { attempt, records, fileSystem } = shared()
  const { checkpoints, complete } = attempt(1)
  await checkpoints.takeOver()
  await complete(5)
  expect(records()).toEqual(['chk-1', 'chk-2', 'chk-3', 'chk-4', 'chk-5'])
  await expect(loadCheckpoint('/checkpoints/chk-3', fileSystem)).rejects.toMatchObject({
    code: 'SAVEPOINT_NOT_FOUND',
    message: expect.stringContaining("'aborted'"),
  })
})

test('an older attempt completes nothing once it was replaced, and a lower epoch takes nothing over', async () => {
  const { attempt } = shared()
  const old = attempt(1)
  await old.checkpoints.takeOver()
  await attempt(2).checkpoints.takeOver()
  await expect(old.complete(2)).rejects.toEqual(fenced)
  await expect(old.checkpoints.takeOver()).rejects.toEqual(fenced)
})

test('nor when the numbers it would take were cleaned up meanwhile', async () => {
  const { attempt, records } = shared()
  const old = attempt(1)
  await old.checkpoints.takeOver()
  const next = attempt(2)
  await next.checkpoints.takeOver()
  for (const id of [3, 4, 5]) await next.complete(id)
  await next.checkpoints.removeBelow(5)
  expect(records()).toEqual(['chk-5'])
  await expect(old.complete(2)).rejects.toEqual(fenced)
  await expect(old.checkpoints.takeOver()).rejects.toEqual(fenced)
  expect((await attempt(3).checkpoints.takeOver())?.record.checkpointId).toBe(5)
})

test('a lost answer of a create is no dead end: the record is ours', async () => {
  const { storage, attempt } = shared()
  const { checkpoints, complete } = attempt(1)
  await checkpoints.takeOver()
  const stop = storage.faults.failWhen((call) =>
    call.operation === 'createExclusive' && call.phase === 'after' ? storageFailed('create', call.path) : undefined,
  )
  await expect(complete(2)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  stop()
  await complete(3)
  expect((await checkpoints.newest())?.record.checkpointId).toBe(3)
})

test('a lost answer of a takeover leaves the next attempt one number further', async () => {
  const { storage, attempt } = shared()
  const first = attempt(1)
  await first.checkpoints.takeOver()
  await first.complete(2)
  const stop = storage.faults.failWhen((call) =>
    call.operation === 'createExclusive' && call.phase === 'after' ? storageFailed('create', call.path) : undefined,
  )
  await expect(attempt(2).checkpoints.takeOver()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  stop()
  const again = attempt(2)
  expect((await again.checkpoints.takeOver())?.record.checkpointId).toBe(2)
  expect(again.checkpoints.lastNumber).toBe(4)
})

test('the highest epoch is found among records of every kind', async () => {
  const { attempt } = shared()
  expect(await attempt(1).checkpoints.highestEpoch()).toBe(0)
  await attempt(7).checkpoints.takeOver()
  expect(await attempt(1).checkpoints.highestEpoch()).toBe(7)
})

test('damaged metadata is said to be so', async () => {
  const { attempt, fileSystem } = shared()
  const { checkpoints, complete } = attempt(1)
  await checkpoints.takeOver()
  await complete(2)
  const path = '/checkpoints/chk-2/_metadata'
  const bytes = new Uint8Array(await fileSystem.read(path))
  bytes[12] = (bytes[12] as number) ^ 1
  await fileSystem.write(path, bytes)
  await expect(loadCheckpoint('/checkpoints/chk-2', fileSystem)).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
    kind: 'corrupt',
  })
})

describe('two attempts side by side, in every order of their calls on the storage (invariant 6)', () => {
  /** Lets one call through at a time, by the schedule: which of the two goes next. */
  function scheduled(fileSystem: FileSystem) {
    const waiting: [(() => void) | undefined, (() => void) | undefined] = [undefined, undefined]
    const view = (who: 0 | 1): FileSystem => {
      const turn = () =>
        new Promise<void>((resolve) => {
          waiting[who] = resolve
        })
      return {
        ...fileSystem,
        read: async (path) => turn().then(() => fileSystem.read(path)),
        list: async (folder) => turn().then(() => fileSystem.list(folder)),
        createExclusive: async (path, bytes) => turn().then(() => fileSystem.createExclusive(path, bytes)),
        delete: async (path) => turn().then(() => fileSystem.delete(path)),
      }
    }
    const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
    /** Runs both to their end; `next` chooses when both wait. Answers how often it was asked. */
    const run = async (work: readonly Promise<unknown>[], next: (choice: number) => 0 | 1): Promise<number> => {
      let done = false
      void Promise.allSettled(work).then(() => {
        done = true
      })
      let choices = 0
      for (;;) {
        await settle()
        if (done) return choices
        const both = waiting[0] !== undefined && waiting[1] !== undefined
        const who = both ? next(choices++) : waiting[0] !== undefined ? 0 : 1
        const go = waiting[who]
        waiting[who] = undefined
        go?.()
      }
    }
    return { view, run }
  }

  /** The old attempt owns the sequence and completes 2 and 3; the new one takes over, completes the next two, cleans up. */
  async function play(schedule: readonly (0 | 1)[]) {
    const { attempt, fileSystem } = shared()
    const { view, run } = scheduled(fileSystem)
    await attempt(1).checkpoints.takeOver()
    const old = attempt(1, view(0))
    const next = attempt(2, view(1))
    const events: string[] = []
    const oldWork = (async () => {
      // As the attempt that took over: it knows of number 1.
      for (const id of [2, 3]) {
        await old.complete(id)
        events.push(`old ${id}`)
      }
    })()
    const newWork = (async () => {
      const restored = await next.checkpoints.takeOver()
      const last = next.checkpoints.lastNumber
      events.push(`takeover ${last} from ${restored?.record.checkpointId ?? 0}`)
      for (const id of [last + 1, last + 2]) {
        await next.complete(id)
        events.push(`new ${id}`)
        await next.checkpoints.removeBelow(id)
      }
    })()
    const choices = await run([oldWork, newWork], (choice) => schedule[choice] ?? 1)
    const [oldResult, newResult] = await Promise.allSettled([oldWork, newWork])
    return { events, choices, oldResult, newResult, attempt }
  }

  /** Schedules in the order of binary numbers, as far as choices are asked for. */
  async function everySchedule(limit: number, check: (outcome: Awaited<ReturnType<typeof play>>) => Promise<void>) {
    let schedule: (0 | 1)[] = []
    for (let run = 0; run < limit; run++) {
      const outcome = await play(schedule)
      await check(outcome)
      const full = Array.from({ length: outcome.choices }, (_, i) => schedule[i] ?? 1)
      // The last choice not yet tried the other way: 1 before 0.
      const at = full.lastIndexOf(1)
      if (at < 0) return run + 1
      schedule = [...full.slice(0, at), 0]
    }
    return limit
  }

  test('what the old one completed is what the new one restores, and it completes nothing afterwards', async () => {
    const runs = await everySchedule(20_000, async ({ events, oldResult, newResult, attempt }) => {
      expect(newResult.status).toBe('fulfilled')
      const takeover = events.findIndex((event) => event.startsWith('takeover'))
      const from = Number((events[takeover] as string).split(' ').at(-1))
      // An answer may come after the takeover; the record was there before it, so it is what was restored.
      for (const event of events) if (event.startsWith('old')) expect(Number(event.slice(4))).toBeLessThanOrEqual(from)
      if (events.filter((event) => event.startsWith('old')).length < 2) {
        expect(oldResult).toMatchObject({ status: 'rejected', reason: { code: 'FENCED' } })
      }
      const newest = await attempt(3).checkpoints.newest()
      expect(newest?.record.owner.epoch).toBe(2)
    })
    expect(runs).toBeGreaterThan(300)
    expect(runs).toBeLessThan(20_000)
  })
})
