import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemRandom } from '../../common/random.ts'
import { localFileSystem } from './local-file-system.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const files = localFileSystem({ clock: systemClock, random: systemRandom })
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-local-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('an open file has a hidden name in the folder of its target', async () => {
  const file = await files.openFile(join(folder, 'out/part-1.jsonl'))
  expect(await readdir(join(folder, 'out'))).toEqual([
    expect.stringMatching(/^\.part-1\.jsonl\.inprogress\.[0-9a-f-]{36}$/),
  ])
  await file.discard()
  expect(await readdir(join(folder, 'out'))).toEqual([])
})

test('takes file:// addresses and answers plain absolute paths', async () => {
  await files.write(pathToFileURL(join(folder, 'a b')).href, bytes('x'))
  expect((await files.list(pathToFileURL(folder).href)).map((file) => file.path)).toEqual([join(folder, 'a b')])
})

test('nothing hidden stays after write and createExclusive, also when they fail', async () => {
  await files.write(join(folder, 'a'), bytes('1'))
  await files.createExclusive(join(folder, 'a'), bytes('2'))
  await files.delete(join(folder, 'a'))
  await files.write(join(folder, 'd/inside'), bytes('1'))
  await expect(files.write(join(folder, 'd'), bytes('over a folder'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(await readdir(folder)).toEqual(['d'])
})

test('a file below a file is STORAGE_FAILED and names the path', async () => {
  await files.write(join(folder, 'a'), bytes('1'))
  const path = join(folder, 'a/b')
  await expect(files.write(path, bytes('2'))).rejects.toMatchObject({ kind: 'unavailable', details: { path } })
})

test('a file shorter than its checkpoint says is corrupt, and nothing is left of the copy', async () => {
  const file = await files.openFile(join(folder, 'part'))
  file.write(bytes('0123456789'))
  const persisted = await file.persist()
  await truncate(persisted.token['temporaryPath'] as string, 4)
  const failure = { code: 'FILE_DAMAGED', kind: 'corrupt', details: { lengthBytes: 10, copied: 4 } }
  await expect(files.recoverFile(persisted)).rejects.toMatchObject(failure)
  expect((await readdir(folder)).length).toBe(1)
  await file.discard()
})

test('a target of another length isn’t taken for the committed file', async () => {
  const file = await files.openFile(join(folder, 'part'))
  file.write(bytes('mine'))
  const pending = await file.close()
  await rm(pending.token['temporaryPath'] as string)
  await writeFile(pending.targetPath, 'something else')
  await expect(files.commitFile(pending)).rejects.toMatchObject({ code: 'FILE_DAMAGED', kind: 'corrupt' })
})

test('committing a recovered file removes the one its writer left behind', async () => {
  const file = await files.openFile(join(folder, 'part'))
  file.write(bytes('mine'))
  const persisted = await file.persist()
  await files.commitFile(await files.recoverFile(persisted))
  expect(await readdir(folder)).toEqual(['part'])
  // Its writer doesn't know yet.
  file.write(bytes('more'))
  await file.close()
  expect((await stat(join(folder, 'part'))).size).toBe(4)
})

test('a real limit on the size of files is STORAGE_FULL, and what was durable before stays whole', async () => {
  const child = fileURLToPath(new URL('testing/write-beyond-limit.mjs', import.meta.url))
  // 64 blocks of 1 KiB. Node itself ignores SIGXFSZ, so that the write is refused with EFBIG.
  const command = `ulimit -f 64 && exec "$0" --import tsx "$1" "$2"`
  const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, child, folder])
  const seen = JSON.parse(stdout) as { codes: string[]; persisted: Parameters<typeof files.recoverFile>[0] }
  expect(seen.codes).toEqual(['STORAGE_FULL', 'STORAGE_FULL', 'STORAGE_FULL'])
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.part\.inprogress/)])
  await files.commitFile(await files.recoverFile(seen.persisted))
  expect(Buffer.from(await files.read(join(folder, 'part'))).equals(Buffer.alloc(40_000, 'a'))).toBe(true)
})
