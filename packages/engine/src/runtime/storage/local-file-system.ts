import type { Dirent } from 'node:fs'
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { invariant } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'
import { randomUuid } from '../../common/uuid.ts'
import type { FileInfo, FileSystem, PendingFile, PersistedFile, RecoverableFile } from '../../spi/file-system.ts'
import { fileDamaged } from '../../spi/file-system-errors.ts'
import {
  copyPrefix,
  errorCode,
  localPath,
  makeFolder,
  reportingStorageErrors as reporting,
  syncFolder,
  writeNewFile,
} from './local-files.ts'
import { LocalRecoverableFile } from './local-recoverable-file.ts'
import { nameOfTemporary, temporaryName } from './temporary-name.ts'

/** What the local file system needs: time for the age of orphans, chance for temporary names. */
export interface LocalFileSystemParts {
  readonly clock: Clock
  readonly random: Random
}

/**
 * Files of this machine, by plain path or `file://` address; paths it answers are absolute.
 *
 * A file is written under a hidden name in the target's own folder, so a rename never crosses devices, and synced
 * before its name appears; every new name is made durable by syncing the folder (rename(2) alone isn't durable).
 */
export function localFileSystem({ clock, random }: LocalFileSystemParts): FileSystem {
  const temporaryFor = (target: string) => join(dirname(target), temporaryName(basename(target), randomUuid(random)))

  /** Writes the bytes under a hidden name, hands that to `publish`, and leaves no hidden name behind. */
  const publishing = async <R>(target: string, bytes: Uint8Array, publish: (temporary: string) => Promise<R>) => {
    await makeFolder(dirname(target))
    const temporary = temporaryFor(target)
    try {
      await writeNewFile(temporary, bytes)
      const result = await publish(temporary)
      return result
    } finally {
      await rm(temporary, { force: true })
      await syncFolder(dirname(target))
    }
  }

  return {
    scheme: 'file',

    read: (path) => reporting('read', path, async () => new Uint8Array(await readFile(localPath(path)))),

    write: (path, bytes) =>
      reporting('write', path, () => {
        const target = localPath(path)
        return publishing(target, bytes, (temporary) => rename(temporary, target))
      }),

    createExclusive: (path, bytes) =>
      reporting('create', path, () => {
        const target = localPath(path)
        return publishing(target, bytes, (temporary) => linkUnlessThere(temporary, target))
      }),

    list: (folder) =>
      reporting('list', folder, async () => {
        const files = await filesBelow(localPath(folder))
        const infos = await Promise.all(files.filter((f) => nameOfTemporary(basename(f)) === undefined).map(infoOf))
        return infos.filter((info) => info !== undefined).sort((a, b) => (a.path < b.path ? -1 : 1))
      }),

    delete: (path) =>
      reporting('delete', path, async () => {
        await rm(localPath(path), { recursive: true, force: true })
        await syncFolder(dirname(localPath(path))).catch(ignoring('ENOENT', 'ENOTDIR'))
      }),

    openFile: (path): Promise<RecoverableFile> =>
      reporting('open', path, async () => {
        const target = localPath(path)
        await makeFolder(dirname(target))
        const temporary = temporaryFor(target)
        return new LocalRecoverableFile(target, temporary, await open(temporary, 'wx'))
      }),

    recoverFile: (file) =>
      reporting('recover', file.targetPath, async () => {
        const { targetPath, lengthBytes } = file
        const leftBehind = temporaryPathOf(file)
        if ((await infoOf(leftBehind)) === undefined) return alreadyCommitted(file)
        const temporaryPath = temporaryFor(targetPath)
        const copied = await copyPrefix(leftBehind, temporaryPath, lengthBytes)
        if (copied < lengthBytes) {
          await rm(temporaryPath, { force: true })
          const problem = `has ${copied} bytes, but the checkpoint says ${lengthBytes} were durable`
          throw fileDamaged(leftBehind, problem, { targetPath, lengthBytes, copied })
        }
        await syncFolder(dirname(temporaryPath))
        return { targetPath, lengthBytes, token: { temporaryPath, leftBehind } }
      }),

    commitFile: (file) =>
      reporting('commit', file.targetPath, async () => {
        await renameToTarget(file)
        // The original of a recovered file: only checkpoints older than the one being committed name it.
        const { leftBehind } = file.token
        if (typeof leftBehind === 'string') await rm(leftBehind, { force: true })
        await syncFolder(dirname(file.targetPath))
      }),

    removeOrphans: (folder, keep, olderThanMs, mayRemove = () => true) =>
      reporting('clean', folder, async () => {
        const kept = new Set(keep.map(temporaryPathOf))
        const newestMs = clock.now() - olderThanMs
        let removed = 0
        for (const path of await filesBelow(localPath(folder))) {
          const name = nameOfTemporary(basename(path))
          if (name === undefined || kept.has(path) || !mayRemove(join(dirname(path), name))) continue
          const info = await infoOf(path)
          if (info === undefined || info.modifiedMs > newestMs) continue
          await rm(path, { force: true })
          removed++
        }
        return removed
      }),
  }
}

/** Renames the hidden file over the target. When it is gone, an earlier call did so, if the target has the right length. */
async function renameToTarget(file: PendingFile): Promise<void> {
  const { targetPath, lengthBytes } = file
  const temporaryPath = temporaryPathOf(file)
  const temporary = await infoOf(temporaryPath)
  if (temporary !== undefined) {
    expectLength(temporary, lengthBytes)
    // Another attempt may commit the same file at this moment.
    const renamed = await rename(temporaryPath, targetPath).then(() => true, ignoring('ENOENT'))
    if (renamed) return
  }
  await alreadyCommitted(file)
}

/** The file as a pending one whose hidden file is gone because it was committed. Throws when it wasn't, or has grown since. */
async function alreadyCommitted(file: PersistedFile): Promise<PendingFile> {
  const { targetPath, lengthBytes } = file
  const temporaryPath = temporaryPathOf(file)
  const target = await infoOf(targetPath)
  if (target === undefined) throw fileDamaged(targetPath, `can't be committed: ${temporaryPath} is gone`)
  expectLength(target, lengthBytes)
  return { targetPath, lengthBytes, token: { temporaryPath } }
}

function expectLength(info: FileInfo, lengthBytes: number): void {
  if (info.sizeBytes === lengthBytes) return
  const problem = `has ${info.sizeBytes} bytes instead of the ${lengthBytes} to commit`
  throw fileDamaged(info.path, problem, { sizeBytes: info.sizeBytes, lengthBytes })
}

async function linkUnlessThere(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Every file below, in no order; folders and files that vanish meanwhile are left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries: Dirent[] | undefined = await readdir(folder, { withFileTypes: true }).catch(
    ignoring('ENOENT', 'ENOTDIR'),
  )
  const nested = (entries ?? []).map((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
  return (await Promise.all(nested)).flat()
}

async function infoOf(path: string): Promise<FileInfo | undefined> {
  const stats = await stat(path).catch(ignoring('ENOENT'))
  return stats === undefined ? undefined : { path, sizeBytes: stats.size, modifiedMs: stats.mtimeMs }
}

function ignoring(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error
  }
}

function temporaryPathOf(file: PersistedFile | PendingFile): string {
  const { temporaryPath } = file.token
  invariant(typeof temporaryPath === 'string', `The state of ${file.targetPath} isn't one of a local file.`)
  return temporaryPath
}
