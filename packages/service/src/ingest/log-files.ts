import { constants, type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** One open file of a log. All positions are absolute; nothing here moves a shared offset. */
export interface LogFile {
  size(): Promise<number>
  /** Fills `into` from `position` as far as the file reaches; returns the bytes read. */
  read(into: Buffer, position: number): Promise<number>
  /** Writes all buffers one after the other from `position`, or throws. */
  write(buffers: readonly Buffer[], position: number): Promise<void>
  /** Returns when the data (and the size) is on stable storage. */
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}

/** The files under the data directory: handed in, so that a test can fill the disk at every single call. */
export interface LogFiles {
  /** `create` fails when the file exists; `write` and `read` fail when it doesn't. */
  open(path: string, mode: 'create' | 'write' | 'read'): Promise<LogFile>
  /** Names in a directory, sorted; empty when there is no such directory. */
  list(directory: string): Promise<string[]>
  /** Contents, or undefined when there is no such file. */
  readFile(path: string): Promise<Buffer | undefined>
  /** Creates the directory and its parents, mode 0700. */
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removes a file or a whole directory; fine when there is none. */
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals inside the directory durable. */
  syncDirectory(path: string): Promise<void>
}

const openFlags = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_RDWR,
  write: constants.O_RDWR,
  read: constants.O_RDONLY,
}

/** The machine's disk. */
export const diskFiles: LogFiles = {
  open: async (path, mode) => new DiskFile(await open(path, openFlags[mode], 0o600)),
  list: (directory) => orWhenMissing(async () => (await readdir(directory)).sort(), []),
  readFile: (path) => orWhenMissing<Buffer | undefined>(() => readFile(path), undefined),
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  syncDirectory: async (path) => {
    const directory = await open(path, constants.O_RDONLY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

class DiskFile implements LogFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  async read(into: Buffer, position: number): Promise<number> {
    let done = 0
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    const { bytesWritten } = await this.#handle.writev(buffers as Buffer[], position)
    if (bytesWritten === total) return
    // A short write is legal (a nearly full disk gives one): the rest either fits or names the reason.
    let rest = Buffer.concat(buffers as Buffer[]).subarray(bytesWritten)
    let at = position + bytesWritten
    while (rest.length > 0) {
      const written = (await this.#handle.write(rest, 0, rest.length, at)).bytesWritten
      rest = rest.subarray(written)
      at += written
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/**
 * Replaces a file so that after a crash either the old or the new contents are there, whole: write new, fsync, rename,
 * fsync the directory. Two writers of one path must not run at the same time.
 */
export async function replaceFile(files: LogFiles, path: string, contents: Buffer): Promise<void> {
  const fresh = `${path}.new`
  await files.remove(fresh)
  const file = await files.open(fresh, 'create')
  try {
    await file.write([contents], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(fresh, path)
  await files.syncDirectory(dirname(path))
}

async function orWhenMissing<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise
    throw error
  }
}
