import type { FileHandle } from 'node:fs/promises'
import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from '../../common/errors.ts'
import { fileNotFound, storageFailed, storageFull } from '../../spi/file-system-errors.ts'

/** The absolute path behind a plain path or a `file://` address. */
export function localPath(path: string): string {
  return resolve(path.startsWith('file:') ? fileURLToPath(path) : path)
}

/** Runs `step`; what the operating system refused becomes one of the errors of the FileSystem contract. */
export async function reportingStorageErrors<R>(operation: string, path: string, step: () => Promise<R>): Promise<R> {
  try {
    return await step()
  } catch (error) {
    throw storageError(operation, path, error)
  }
}

function storageError(operation: string, path: string, error: unknown): unknown {
  if (error instanceof EngineError) return error
  switch (errorCode(error)) {
    case 'ENOENT':
      return fileNotFound(path, error)
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return storageFull(operation, path, error)
    default:
      return storageFailed(operation, path, error)
  }
}

/** The operating system's name of the failure (`ENOENT`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Appends all chunks: one call may write fewer bytes than it was given (a disk about to be full does). */
export async function appendAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  // The limit of buffers in one call is the system's IOV_MAX, 1024 on Linux.
  for (let at = 0; at < chunks.length; at += 1024) {
    let rest = chunks.slice(at, at + 1024)
    while (rest.length > 0) {
      const { bytesWritten } = await handle.writev(rest)
      rest = withoutFirst(rest, bytesWritten)
    }
  }
}

function withoutFirst(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  let index = 0
  while (index < chunks.length && skip >= (chunks[index] as Uint8Array).length) {
    skip -= (chunks[index] as Uint8Array).length
    index++
  }
  const rest = chunks.slice(index)
  if (skip > 0) rest[0] = (rest[0] as Uint8Array).subarray(skip)
  return rest
}

/** Makes a new entry of the folder (a created, renamed, linked or removed name) durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the folder and its missing parents, durably. */
export async function makeFolder(folder: string): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true })
  if (firstMade === undefined) return
  const top = dirname(firstMade)
  for (let at = dirname(folder); ; at = dirname(at)) {
    await syncFolder(at)
    if (at === top || at === dirname(at)) return
  }
}

/** Creates a file that isn't there yet with these bytes, durable but for its name's entry in the folder. */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await appendAll(handle, [bytes])
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Copies the first `lengthBytes` bytes to a new file, durably. Answers how many there were, at most `lengthBytes`. */
export async function copyPrefix(from: string, to: string, lengthBytes: number): Promise<number> {
  const source = await open(from, 'r')
  try {
    const target = await open(to, 'wx')
    try {
      let copied = 0
      const buffer = new Uint8Array(Math.max(1, Math.min(lengthBytes, 1 << 20)))
      while (copied < lengthBytes) {
        const wanted = Math.min(buffer.length, lengthBytes - copied)
        const { bytesRead } = await source.read(buffer, 0, wanted, copied)
        if (bytesRead === 0) break
        await appendAll(target, [buffer.subarray(0, bytesRead)])
        copied += bytesRead
      }
      await target.sync()
      return copied
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
