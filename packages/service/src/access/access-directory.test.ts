import { randomBytes } from 'node:crypto'
import { silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { RequestFields } from '../wire/request-fields.ts'
import { AccessDirectory } from './access-directory.ts'
import { AccessManagement } from './access-management.ts'
import { MemoryAccessStore } from './access-store.ts'
import { SecretBox } from './secret-box.ts'

const account = { region: 'us-east-1', accountId: '000000000000' }

async function open(store: MemoryAccessStore, box: SecretBox, name: string, time = new VirtualTime()) {
  const root = { accessKeyId: `KEY${name}`, secretAccessKey: `secret of ${name}` }
  const directory = await AccessDirectory.open({
    store,
    box,
    account,
    root,
    host: `host of ${name}`,
    clock: time,
    scheduler: time,
    logger: silentLogger,
  })
  return { directory, time }
}

test('the administrators of all processes with a store are administrators of each', async () => {
  const store = new MemoryAccessStore({ isShared: true })
  const box = new SecretBox(randomBytes(32))
  const a = await open(store, box, 'A')
  const b = await open(store, box, 'B')
  expect(b.directory.holderOf('KEYA')).toEqual({
    secretAccessKey: 'secret of A',
    identity: a.directory.holderOf('KEYA')?.identity,
  })
  expect(b.directory.holderOf('KEYA')?.identity.principal).toMatchObject({ kind: 'root', accessKeyId: 'KEYA' })
  expect(a.directory.holderOf('KEYB')).toBeUndefined()
  await a.time.advance(1_500)
  expect(a.directory.holderOf('KEYB')?.secretAccessKey).toBe('secret of B')
  expect(JSON.stringify(await store.load())).not.toContain('secret of')
  await a.directory.close()
  await b.directory.close()
})

test('an administrator whose process is gone is one no more when its key is removed', async () => {
  const store = new MemoryAccessStore({ isShared: true })
  const box = new SecretBox(randomBytes(32))
  const a = await open(store, box, 'A')
  const b = await open(store, box, 'B')
  await a.directory.close()
  const ids = () => b.directory.rootKeys.map(({ accessKeyId, host, isOwn }) => [accessKeyId, host, isOwn])
  expect(ids()).toEqual([
    ['KEYA', 'host of A', false],
    ['KEYB', 'host of B', true],
  ])
  const management = new AccessManagement(b.directory, b.time)
  const remove = (AccessKeyId: string) => management.deleteAccessKey(new RequestFields({ AccessKeyId }))
  await remove('KEYA')
  expect(b.directory.holderOf('KEYA')).toBeUndefined()
  expect(await management.listAccessKeys(new RequestFields({}))).toMatchObject({
    AccessKeys: [{ AccessKeyId: 'KEYB', Host: 'host of B', IsOwn: true }],
  })
  await expect(remove('KEYB')).rejects.toMatchObject({ type: 'InvalidArgumentException' })
  await expect(remove('KEYA')).rejects.toMatchObject({ type: 'NoSuchEntity' })
  await b.directory.close()
})

test('a store of its own has no other administrator', async () => {
  const store = new MemoryAccessStore()
  const box = new SecretBox(randomBytes(32))
  await open(store, box, 'A')
  const { directory } = await open(store, box, 'B')
  expect(directory.holderOf('KEYA')).toBeUndefined()
})

test('another encryption key than the store was written with is refused', async () => {
  const store = new MemoryAccessStore({ isShared: true })
  await open(store, new SecretBox(randomBytes(32)), 'A')
  await expect(open(store, new SecretBox(randomBytes(32)), 'B')).rejects.toMatchObject({ code: 'ACCESS_KEY_WRONG' })
})
