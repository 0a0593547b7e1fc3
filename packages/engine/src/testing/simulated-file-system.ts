import type { Random } from '../common/random.ts'
import type { FileSystem, RecoverableFile } from '../spi/file-system.ts'
import type { EventLoop } from './simulated-time.ts'

export interface SimulatedFileSystemSettings {
  /** What the calls act on, without a latency of its own. */
  readonly inner: FileSystem
  /** Who calls. A call that is under way when it dies may still have its effect; its answer reaches nobody. */
  readonly loop: EventLoop
  /** Where storage lives: never dies. */
  readonly storageLoop: EventLoop
  readonly random: Random
  /** How long the next call takes in all, ms. */
  latencyMs(): number
  onCall?(operation: string, path: string): void
}

/** A file system as one simulated thread sees it: calls take time, and answers come through the thread's own loop. */
export function simulatedFileSystem(settings: SimulatedFileSystemSettings): FileSystem {
  const { inner, loop, storageLoop, random } = settings
  const call = <R>(operation: string, path: string, effect: () => Promise<R>): Promise<R> => {
    settings.onCall?.(operation, path)
    const latencyMs = settings.latencyMs()
    const beforeMs = random.next() * latencyMs
    return new Promise((resolve, reject) => {
      storageLoop.after(beforeMs, () => {
        effect().then(
          (value) => loop.after(latencyMs - beforeMs, () => resolve(value)),
          (error) => loop.after(latencyMs - beforeMs, () => reject(error)),
        )
      })
    })
  }
  return {
    scheme: inner.scheme,
    read: (path) => call('read', path, () => inner.read(path)),
    write: (path, bytes) => call('write', path, () => inner.write(path, bytes)),
    createExclusive: (path, bytes) => call('createExclusive', path, () => inner.createExclusive(path, bytes)),
    list: (folder) => call('list', folder, () => inner.list(folder)),
    delete: (path) => call('delete', path, () => inner.delete(path)),
    openFile: (path) =>
      call('openFile', path, async () =>
        simulatedFile(await inner.openFile(path), (name, run) => call(name, path, run)),
      ),
    recoverFile: (file) => call('recoverFile', file.targetPath, () => inner.recoverFile(file)),
    commitFile: (file) => call('commitFile', file.targetPath, () => inner.commitFile(file)),
    removeOrphans: (folder, keep, olderThanMs, mayRemove) =>
      call('removeOrphans', folder, () => inner.removeOrphans(folder, keep, olderThanMs, mayRemove)),
  }
}

function simulatedFile(
  file: RecoverableFile,
  call: <R>(operation: string, effect: () => Promise<R>) => Promise<R>,
): RecoverableFile {
  return {
    targetPath: file.targetPath,
    get lengthBytes() {
      return file.lengthBytes
    },
    get bufferedBytes() {
      return file.bufferedBytes
    },
    write: (bytes) => file.write(bytes),
    // The length counts from the call, not from when storage gets to it.
    persist: () => {
      const persisted = file.persist()
      persisted.catch(() => {})
      return call('persist', () => persisted)
    },
    close: () => {
      const closed = file.close()
      closed.catch(() => {})
      return call('close', () => closed)
    },
    discard: () => call('discard', () => file.discard()),
  }
}
