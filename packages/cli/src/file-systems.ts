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
    s3: lazyFileSystem('s3', async () => {
      const { s3FileSystem } = await import('@millrace/connectors/s3')
      return s3FileSystem({}, { clock: systemClock, random: systemRandom, scheduler: systemScheduler })
    }),
  })
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
