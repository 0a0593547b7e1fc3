import type { S3FileSystem, S3Parts } from '@millrace/connectors/s3'
import {
  createFileSystems,
  type FileSystems,
  localFileSystem,
  systemClock,
  systemRandom,
  systemScheduler,
} from '@millrace/engine/host'
import type { FileSystem } from '@millrace/engine/spi'

/** Every file system an application may name: this machine's and, loaded at its first use, S3. */
export function applicationFileSystems(): FileSystems {
  return createFileSystems({
    file: localFileSystem({ clock: systemClock, random: systemRandom }),
    s3: lazyFileSystem('s3', () => openS3()),
  })
}

/** S3 for who has these credentials; without them for who this process is. */
export async function openS3(credentials?: S3Parts['credentials']): Promise<S3FileSystem> {
  const { s3FileSystem } = await import('@millrace/connectors/s3')
  const parts = { clock: systemClock, random: systemRandom, scheduler: systemScheduler }
  return s3FileSystem({}, credentials === undefined ? parts : { ...parts, credentials })
}

/** A file system that is loaded when it is first asked for anything: most applications never load an SDK for it. */
export function lazyFileSystem(scheme: string, load: () => Promise<FileSystem>): FileSystem {
  let loading: Promise<FileSystem> | undefined
  const loaded = (): Promise<FileSystem> => {
    loading ??= load()
    return loading
  }
  return {
    scheme,
    read: async (path) => (await loaded()).read(path),
    write: async (path, bytes) => (await loaded()).write(path, bytes),
    createExclusive: async (path, bytes) => (await loaded()).createExclusive(path, bytes),
    list: async (folder) => (await loaded()).list(folder),
    delete: async (path) => (await loaded()).delete(path),
    openFile: async (targetPath) => (await loaded()).openFile(targetPath),
    recoverFile: async (file) => (await loaded()).recoverFile(file),
    commitFile: async (file) => (await loaded()).commitFile(file),
    removeOrphans: async (folder, keep, olderThanMs, mayRemove) =>
      (await loaded()).removeOrphans(folder, keep, olderThanMs, mayRemove),
  }
}
