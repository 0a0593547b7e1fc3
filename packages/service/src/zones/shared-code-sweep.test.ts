import { createHash } from 'node:crypto'
import { silentLogger, systemRandom } from '@millrace/engine/spi'
import { MemoryStorage, memoryFileSystem, VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { SharedCode } from './shared-code.ts'
import { SharedCodeSweep } from './shared-code-sweep.ts'

const HOUR_MS = 3_600_000
const bytes = Buffer.from('a bundle')
const sha256 = createHash('sha256').update(bytes).digest('hex')

let time: VirtualTime
let store: MemoryApplicationStore
let code: SharedCode
let sweep: SharedCodeSweep

beforeEach(() => {
  time = new VirtualTime()
  store = new MemoryApplicationStore()
  code = new SharedCode(
    memoryFileSystem({ storage: new MemoryStorage({ clock: time }), clock: time, random: systemRandom }),
    'memory:/state',
  )
  sweep = new SharedCodeSweep(code, { store, clock: time, scheduler: time, logger: silentLogger })
})

let puts = 0

/** Configuration of code that is put now. */
async function withCode(): Promise<ApplicationRecord['configuration']> {
  const shared = await code.put(sha256, bytes, time.now() + puts++)
  const { configuration } = anApplication('x')
  return { ...configuration, code: { contentType: 'ZIPFILE', file: 'f', sizeBytes: 8, sha256, md5: '', shared } }
}

/** Names of the bundles of these configurations. */
function namesOf(...configurations: readonly ApplicationRecord['configuration'][]): readonly unknown[] {
  return configurations.map(({ code }) => code?.shared).sort()
}

async function left(): Promise<readonly unknown[]> {
  return (await code.list()).map(({ name }) => name).sort()
}

const change = (
  versionId: number,
  changes: Partial<ApplicationRecord>,
  ...operations: ReturnType<typeof anOperation>[]
) => store.change('x', { status: 'READY', versionId }, changes, operations)

test('what a rollback leads to stays, what none leads to goes; so does all of a deleted application', async () => {
  const [first, second, third, other] = [await withCode(), await withCode(), await withCode(), await withCode()]
  await store.createApplication(anApplication('x', { configuration: first }), {}, anOperation('x', 'o1'))
  await store.createApplication(anApplication('y', { configuration: other }), {}, anOperation('y', 'o1'))
  await change(1, { versionId: 2, versionUpdatedFrom: 1, configuration: second })
  await change(2, { versionId: 3, versionUpdatedFrom: 2, configuration: third })
  await time.advance(2 * HOUR_MS)
  await sweep.sweep()
  expect(await left()).toEqual(namesOf(first, second, third, other))
  const rollback = { name: 'RollbackApplication', versionFrom: 3, status: 'IN_PROGRESS' } as const
  const begun = anOperation('x', 'o2', rollback)
  await change(3, { versionId: 4, versionUpdatedFrom: 1, configuration: second }, begun)
  await sweep.sweep()
  expect(await left()).toEqual(namesOf(first, second, third, other))
  await change(4, {}, { ...begun, status: 'SUCCESSFUL' })
  await sweep.sweep()
  expect(await left()).toEqual(namesOf(first, second, other))
  await store.deleteApplication('x', anOperation('x', 'o3', { name: 'DeleteApplication' }))
  await sweep.sweep()
  expect(await left()).toEqual(namesOf(other))
})

test('what a call has just put stays until it must have been stored', async () => {
  const fresh = await withCode()
  sweep.start()
  await time.advance(HOUR_MS - 1)
  expect(await left()).toEqual(namesOf(fresh))
  await time.advance(HOUR_MS + 1)
  expect(await left()).toEqual([])
  await sweep.close()
})
