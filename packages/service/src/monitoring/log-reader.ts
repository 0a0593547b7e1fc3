import { type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Lines of a log and where the next ones begin. */
export interface LogPart {
  /** Whole lines, each with its line break. */
  readonly bytes: Buffer
  /** Opaque: give it back to read on. It holds when the log is rotated. */
  readonly position: string
}

/** A file of the log that stays what it is while the log is rotated. */
export interface OpenLogFile {
  readonly handle: FileHandle
  readonly id: string
  readonly sizeBytes: number
}

const newline = 0x0a

/**
 * The last lines of a rotated log, at most `maxBytes` of them: `path` is the file that is written, `path.1` the youngest
 * of those before.
 */
export function readTail(path: string, lines: number, maxBytes: number): Promise<LogPart> {
  return withFiles(path, async (files) => {
    const parts: Buffer[] = []
    let missing = lines
    let room = maxBytes
    for (const file of files.toReversed()) {
      if (missing === 0 || room === 0) break
      const sizeBytes = Math.min(file.sizeBytes, room)
      const chunk = await readChunk(file.handle, file.sizeBytes - sizeBytes, sizeBytes)
      const part = lastLines(chunk, missing, sizeBytes < file.sizeBytes)
      missing -= countLines(part)
      room -= sizeBytes
      parts.unshift(part)
    }
    const newest = files.at(-1)
    return { bytes: Buffer.concat(parts), position: newest === undefined ? '' : await endOf(newest) }
  })
}

/**
 * The lines behind a position, at most `maxBytes` of them (one line may be longer). Behind one whose file has been
 * removed since, and behind none (`''`): from the oldest line that is kept.
 */
export function readAfter(path: string, position: string, maxBytes: number): Promise<LogPart> {
  return withFiles(path, async (files) => {
    const { id, offset } = parsePosition(position)
    const found = files.findIndex((file) => file.id === id)
    const parts: Buffer[] = []
    let room = maxBytes
    let next = position
    for (const [index, file] of files.entries()) {
      if (index < found) continue
      // A file that is shorter than what was read of it is another one, to which the number has gone.
      const from = index === found && offset <= file.sizeBytes ? offset : 0
      const part = await wholeLines(file, from, room)
      parts.push(part)
      room -= part.length
      next = `${file.id}-${from + part.length}`
      if (from + part.length < file.sizeBytes || room <= 0) break
    }
    return { bytes: Buffer.concat(parts), position: next }
  })
}

/** Calls `use` with every file of the log that is there, oldest first, and closes them. */
export async function withFiles<T>(path: string, use: (files: readonly OpenLogFile[]) => Promise<T>): Promise<T> {
  const files: OpenLogFile[] = []
  try {
    for (const name of await namesOf(path)) {
      const handle = await openIfThere(join(dirname(path), name))
      if (handle === undefined) continue
      const { ino, size } = await handle.stat()
      // Renamed while we looked: it is here under its other name already.
      if (files.some(({ id }) => id === String(ino))) await handle.close()
      else files.push({ handle, id: String(ino), sizeBytes: size })
    }
    return await use(files)
  } finally {
    for (const { handle } of files) await handle.close()
  }
}

async function namesOf(path: string): Promise<string[]> {
  const name = basename(path)
  const numbers = (await listIfThere(dirname(path))).flatMap((entry) => {
    if (entry === name) return [0]
    const number = entry.startsWith(`${name}.`) ? Number(entry.slice(name.length + 1)) : Number.NaN
    return Number.isSafeInteger(number) ? [number] : []
  })
  return numbers.sort((a, b) => b - a).map((number) => (number === 0 ? name : `${name}.${number}`))
}

async function wholeLines(file: OpenLogFile, from: number, room: number): Promise<Buffer> {
  for (let sizeBytes = Math.max(room, 1); ; sizeBytes *= 2) {
    const chunk = await readChunk(file.handle, from, Math.min(sizeBytes, file.sizeBytes - from))
    const whole = chunk.subarray(0, chunk.lastIndexOf(newline) + 1)
    if (whole.length > 0 || from + chunk.length >= file.sizeBytes) return whole
  }
}

/** The position behind the last whole line. */
export async function endOf(file: OpenLogFile): Promise<string> {
  const sizeBytes = Math.min(file.sizeBytes, 128 * 1024)
  const chunk = await readChunk(file.handle, file.sizeBytes - sizeBytes, sizeBytes)
  return `${file.id}-${file.sizeBytes - sizeBytes + chunk.lastIndexOf(newline) + 1}`
}

/** `isCut`: the chunk begins within a line. */
function lastLines(chunk: Buffer, lines: number, isCut: boolean): Buffer {
  const end = chunk.lastIndexOf(newline) + 1
  let start = end
  for (let found = 0; found < lines && start > 0; found++) start = chunk.lastIndexOf(newline, start - 2) + 1
  if (start === 0 && isCut) start = chunk.indexOf(newline) + 1
  return chunk.subarray(start, end)
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (const byte of bytes) if (byte === newline) count++
  return count
}

/** At most `sizeBytes` from `position` on. */
export async function readChunk(handle: FileHandle, position: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes)
  const { bytesRead } = await handle.read(buffer, 0, sizeBytes, position)
  return buffer.subarray(0, bytesRead)
}

function parsePosition(position: string): { id: string; offset: number } {
  const [id = '', offset = '0'] = position.split('-')
  return { id, offset: Number(offset) }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch(undefinedWhenMissing)
}

async function listIfThere(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(undefinedWhenMissing)) ?? []
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
