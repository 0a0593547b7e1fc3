import type { FileSystem, RecoverableFile } from '../spi/file-system.ts'
import { decodeValueBytes, encodeValueBytes } from '../types/value-codec.ts'
import type { TestKit } from './test-kit.ts'

/** One storage for one test: two processes' views of it, and the clock by which the age of orphans is judged. */
export interface FileSystemHarness {
  readonly first: FileSystem
  readonly second: FileSystem
  /** A folder that nothing is in yet, without trailing slash. */
  readonly folder: string
  /** Bytes of a file that is large for this storage (several parts, several system calls). */
  readonly largeBytes: number
  /** False for a server that doesn't tell when an upload began: then only the rest of the sweep is looked at. */
  readonly tellsAge?: boolean
  advance(ms: number): void
  close(): Promise<void>
}

/** Declares the tests that every `FileSystem` passes: durability of what has returned, exclusiveness, recovery, repetition. */
export function describeFileSystem(name: string, open: () => Promise<FileSystemHarness>, kit: TestKit): void {
  const { describe, test, expect } = kit
  const withStorage = (title: string, run: (storage: FileSystemHarness) => Promise<void>) =>
    test(title, async () => {
      const storage = await open()
      const opened: RecoverableFile[] = []
      try {
        await run({ ...storage, first: remembering(storage.first, opened) })
      } finally {
        await Promise.all(opened.map((file) => settled(file.close())))
        await storage.close()
      }
    })
  const paths = async (files: FileSystem, folder: string) => (await files.list(folder)).map((file) => file.path)
  const text = async (files: FileSystem, path: string) => utf8(await files.read(path))

  describe(`FileSystem contract: ${name}`, () => {
    withStorage('reads what another process wrote, and the newest of it', async ({ first, second, folder }) => {
      await first.write(`${folder}/a/b.txt`, bytes('old'))
      await first.write(`${folder}/a/b.txt`, bytes('new and longer'))
      expect(await text(second, `${folder}/a/b.txt`)).toBe('new and longer')
    })

    withStorage('reading a missing file is FILE_NOT_FOUND', async ({ first, folder }) => {
      expect(await failure(first.read(`${folder}/none`))).toMatchObject({ code: 'FILE_NOT_FOUND', kind: 'invalid' })
    })

    withStorage('exactly one of many creates a file', async ({ first, second, folder }) => {
      const callers = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? first : second))
      const won = await Promise.all(callers.map((files, i) => files.createExclusive(`${folder}/c/x`, bytes(`by ${i}`))))
      expect(won.filter(Boolean).length).toBe(1)
      expect(await text(first, `${folder}/c/x`)).toBe(`by ${won.indexOf(true)}`)
      expect(await second.createExclusive(`${folder}/c/x`, bytes('late'))).toBe(false)
      expect(await paths(first, folder)).toEqual([`${folder}/c/x`])
    })

    withStorage('lists files below a folder by path, with sizes', async ({ first, folder }) => {
      expect(await first.list(`${folder}/none`)).toEqual([])
      for (const name of ['b/2', 'a/z/1', 'c', 'b/10']) await first.write(`${folder}/${name}`, bytes(name))
      await first.write(`${folder}-beside`, bytes('not below'))
      const listed = await first.list(folder)
      expect(listed.map((file) => file.path)).toEqual(['a/z/1', 'b/10', 'b/2', 'c'].map((n) => `${folder}/${n}`))
      expect(listed.map((file) => file.sizeBytes)).toEqual([5, 4, 3, 1])
      await first.delete(`${folder}-beside`)
    })

    withStorage('deletes files, folders and what is missing', async ({ first, folder }) => {
      for (const name of ['d/1', 'd/e/2', 'dd']) await first.write(`${folder}/${name}`, bytes(name))
      await first.delete(`${folder}/d`)
      await first.delete(`${folder}/none`)
      expect(await paths(first, folder)).toEqual([`${folder}/dd`])
      await first.delete(`${folder}/dd`)
      expect(await paths(first, folder)).toEqual([])
    })

    withStorage('a file is invisible until it is committed; committing is repeatable', async (storage) => {
      const { first, second, folder } = storage
      const file = await first.openFile(`${folder}/p/part`)
      file.write(bytes('one '))
      file.write(bytes('two'))
      expect(file.lengthBytes).toBe(7)
      const pending = asStored(await file.close())
      expect(pending.targetPath).toBe(`${folder}/p/part`)
      expect(pending.lengthBytes).toBe(7)
      expect(await paths(second, folder)).toEqual([])
      await Promise.all([first.commitFile(pending), second.commitFile(pending)])
      await second.commitFile(pending)
      expect(await paths(second, folder)).toEqual([`${folder}/p/part`])
      expect(await text(second, `${folder}/p/part`)).toBe('one two')
    })

    withStorage('an empty file can be committed', async ({ first, folder }) => {
      const file = await first.openFile(`${folder}/empty`)
      await first.commitFile(asStored(await file.close()))
      expect((await first.read(`${folder}/empty`)).length).toBe(0)
    })

    withStorage('a large file comes out as it went in', async ({ first, folder, largeBytes }) => {
      const file = await first.openFile(`${folder}/large`)
      const whole = patternBytes(largeBytes)
      for (let at = 0; at < whole.length; at += 65_521) file.write(whole.slice(at, at + 65_521))
      await file.persist()
      await first.commitFile(asStored(await file.close()))
      expect(Buffer.compare(await first.read(`${folder}/large`), whole)).toBe(0)
    })

    withStorage('persist holds what was written before it, and the file goes on', async ({ first, second, folder }) => {
      const file = await first.openFile(`${folder}/part`)
      file.write(bytes('before'))
      const persisting = file.persist()
      file.write(bytes(' after'))
      const persisted = asStored(await persisting)
      expect(persisted.lengthBytes).toBe(6)
      const pending = asStored(await second.recoverFile(persisted))
      expect(await paths(second, folder)).toEqual([])
      await second.commitFile(pending)
      expect(await text(second, `${folder}/part`)).toBe('before')
    })

    withStorage('a writer that goes on after another recovered its file damages nothing', async (storage) => {
      const { first, second, folder, largeBytes } = storage
      const whole = patternBytes(largeBytes)
      const zombie = await first.openFile(`${folder}/part`)
      zombie.write(whole.slice())
      const persisted = asStored(await zombie.persist())
      zombie.write(whole.slice())
      await settled(zombie.persist())
      const pending = asStored(await second.recoverFile(persisted))
      zombie.write(whole.slice())
      await settled(zombie.persist())
      await second.commitFile(pending)
      try {
        zombie.write(whole.slice())
      } catch {
        // Being told is as good as being ignored.
      }
      await settled(zombie.close())
      expect(Buffer.compare(await first.read(`${folder}/part`), whole)).toBe(0)
      await second.commitFile(pending)
      expect(Buffer.compare(await first.read(`${folder}/part`), whole)).toBe(0)
    })

    withStorage('a large file recovers to any persisted length', async ({ first, second, folder, largeBytes }) => {
      const whole = patternBytes(largeBytes)
      const half = Math.floor(largeBytes / 2) + 1
      const file = await first.openFile(`${folder}/part`)
      for (let at = 0; at < half; at += 100_003) file.write(whole.slice(at, Math.min(half, at + 100_003)))
      const persisted = asStored(await file.persist())
      await second.commitFile(asStored(await second.recoverFile(persisted)))
      expect(Buffer.compare(await first.read(`${folder}/part`), whole.subarray(0, half))).toBe(0)
    })

    withStorage('recovering is repeatable: a crash may come before its result is in a checkpoint', async (storage) => {
      const { first, second, folder } = storage
      const file = await first.openFile(`${folder}/part`)
      file.write(bytes('kept'))
      const persisted = asStored(await file.persist())
      await first.recoverFile(persisted)
      const again = asStored(await second.recoverFile(persisted))
      await second.commitFile(again)
      await second.commitFile(again)
      expect(await text(first, `${folder}/part`)).toBe('kept')
    })

    withStorage('recovering what was recovered and committed before finds it committed', async (storage) => {
      const { first, second, folder } = storage
      const file = await first.openFile(`${folder}/part`)
      file.write(bytes('kept'))
      const persisted = asStored(await file.persist())
      await first.commitFile(await first.recoverFile(persisted))
      await second.commitFile(asStored(await second.recoverFile(persisted)))
      expect(await text(first, `${folder}/part`)).toBe('kept')
    })

    withStorage('a file that grew and was committed can’t be recovered at an older length', async (storage) => {
      const { first, second, folder } = storage
      const file = await first.openFile(`${folder}/part`)
      file.write(bytes('older'))
      const persisted = asStored(await file.persist())
      file.write(bytes(' and newer'))
      await first.commitFile(await file.close())
      expect(await failure(second.recoverFile(persisted))).toMatchObject({ code: 'FILE_DAMAGED', kind: 'corrupt' })
      expect(await text(first, `${folder}/part`)).toBe('older and newer')
    })

    withStorage('an empty persisted file recovers', async ({ first, second, folder }) => {
      const file = await first.openFile(`${folder}/part`)
      const persisted = asStored(await file.persist())
      await second.commitFile(asStored(await second.recoverFile(persisted)))
      expect((await first.read(`${folder}/part`)).length).toBe(0)
    })

    withStorage('a discarded file leaves nothing, and committing it is reported', async ({ first, second, folder }) => {
      const file = await first.openFile(`${folder}/part`)
      file.write(bytes('never seen'))
      const pending = asStored(await file.close())
      await file.discard()
      expect(await failure(second.commitFile(pending))).toMatchObject({ code: 'FILE_DAMAGED', kind: 'corrupt' })
      expect(await paths(second, folder)).toEqual([])
    })

    withStorage('sweeps what is old, not kept and allowed', async (storage) => {
      const { first, second, folder, advance, tellsAge = true } = storage
      const opened = await Promise.all(['keep', 'not-mine', 'gone'].map((n) => first.openFile(`${folder}/s/${n}`)))
      for (const file of opened) file.write(bytes(file.targetPath))
      const persisted = await Promise.all(opened.map((file) => file.persist()))
      await first.write(`${folder}/s/visible`, bytes('visible'))
      const mayRemove = (path: string) => !path.endsWith('/not-mine')
      if (tellsAge) expect(await second.removeOrphans(folder, [persisted[0]!], 3_600_000, mayRemove)).toBe(0)
      advance(3_700_000)
      expect(await second.removeOrphans(folder, [persisted[0]!], 3_600_000, mayRemove)).toBe(1)
      expect(await second.removeOrphans(`${folder}/none`, [], 0)).toBe(0)
      for (const file of persisted.slice(0, 2)) {
        await second.commitFile(await second.recoverFile(asStored(file)))
        expect(await text(second, file.targetPath)).toBe(file.targetPath)
      }
      expect(await paths(second, folder)).toEqual(['keep', 'not-mine', 'visible'].map((n) => `${folder}/s/${n}`))
      advance(3_700_000)
      await second.removeOrphans(folder, [], 3_600_000)
      expect(await second.removeOrphans(folder, [], 0)).toBe(0)
      expect(await text(second, `${folder}/s/visible`)).toBe('visible')
    })
  })
}

/** The file system, noting what it opens: a test may end with files open, a process must not keep their handles. */
function remembering(files: FileSystem, opened: RecoverableFile[]): FileSystem {
  const openFile = async (path: string) => {
    const file = await files.openFile(path)
    opened.push(file)
    return file
  }
  return Object.assign(Object.create(files), { openFile })
}

/** As a checkpoint gives it back: tokens must be plain data. */
const asStored = <V>(value: V): V => decodeValueBytes(encodeValueBytes(value)) as V

const bytes = (value: string) => new TextEncoder().encode(value)
const utf8 = (value: Uint8Array) => new TextDecoder().decode(value)

/** Bytes in which every place looks different from its neighbours a page or a part away. */
function patternBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2_654_435_761)
  return new Uint8Array(words.buffer, 0, length)
}

/** What the promise was rejected with; an error when it wasn't. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  const rejection = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (rejection === undefined) throw new Error('expected a failure')
  return rejection.error
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.then(
    () => {},
    () => {},
  )
}
