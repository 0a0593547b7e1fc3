import type { Clock } from '../../common/clock.ts'
import { fileNotFound, storageFailed, storageFull } from '../../spi/file-system-errors.ts'
import { StorageFaults, type StorageOperation } from './storage-faults.ts'

/** What the simulated disk needs. */
export interface MemoryStorageParts {
  readonly clock: Clock
  /** Awaited before every call takes effect: lets a simulation give storage a latency. None unless given. */
  readonly latency?: (operation: StorageOperation, path: string) => Promise<void>
}

/** A file as the disk holds it, whatever its name: who has it open writes into it also when it was renamed or removed. */
export interface StoredFile {
  bytes: Uint8Array<ArrayBuffer>
  lengthBytes: number
  /** What a power cut leaves; -1: not even the name. */
  durableBytes: number
  modifiedMs: number
}

/**
 * A simulated disk: bytes by path, with a durable part that a power cut leaves. It outlives the processes of a
 * simulation; a `memoryFileSystem` is how one of them sees it.
 */
export class MemoryStorage {
  readonly faults = new StorageFaults()
  /** Room for all files together; writing more is `STORAGE_FULL`. */
  quotaBytes = Number.POSITIVE_INFINITY
  /** Power cuts so far: files opened before one are dead. */
  power = 0
  readonly #parts: MemoryStorageParts
  readonly #files = new Map<string, StoredFile>()

  constructor(parts: MemoryStorageParts) {
    this.#parts = parts
  }

  get usedBytes(): number {
    let used = 0
    for (const file of this.#files.values()) used += file.lengthBytes
    return used
  }

  /** The machine under the disk dies: what wasn't durable is gone, calls under way fail, open files are dead. */
  cutPower(): void {
    this.power++
    for (const [path, file] of this.#files) {
      file.lengthBytes = file.durableBytes
      if (file.durableBytes < 0) this.#files.delete(path)
    }
  }

  /** Runs one call: latency, faults before, the effect at one instant, faults after. */
  async step<R>(operation: StorageOperation, path: string, effect: () => R): Promise<R> {
    const power = this.power
    await this.#parts.latency?.(operation, path)
    if (power !== this.power) throw storageFailed(operation, path)
    this.faults.pass(operation, path, 'before')
    const result = effect()
    this.faults.pass(operation, path, 'after')
    return result
  }

  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  info(path: string): { readonly path: string; readonly sizeBytes: number; readonly modifiedMs: number } {
    const { lengthBytes, modifiedMs } = this.#file(path)
    return { path, sizeBytes: lengthBytes, modifiedMs }
  }

  read(path: string): Uint8Array {
    const file = this.#file(path)
    return file.bytes.slice(0, file.lengthBytes)
  }

  /** Replaces or makes a whole, durable file. */
  put(path: string, bytes: Uint8Array): void {
    const room = this.quotaBytes - this.usedBytes + (this.#files.get(path)?.lengthBytes ?? 0)
    if (bytes.length > room) throw storageFull('write', path)
    const { length } = bytes
    const copy = Uint8Array.from(bytes)
    this.#files.set(path, {
      bytes: copy,
      lengthBytes: length,
      durableBytes: length,
      modifiedMs: this.#parts.clock.now(),
    })
  }

  /** Makes an empty file that a power cut removes until it is first synced. */
  create(path: string): StoredFile {
    const modifiedMs = this.#parts.clock.now()
    const file = { bytes: new Uint8Array(64), lengthBytes: 0, durableBytes: -1, modifiedMs }
    this.#files.set(path, file)
    return file
  }

  /** Appends; like a real disk it takes what fits before it reports that it is full. */
  append(file: StoredFile, chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      const room = Math.max(0, this.quotaBytes - this.usedBytes)
      const fitting = chunk.subarray(0, Math.min(chunk.length, room))
      if (file.lengthBytes + fitting.length > file.bytes.length) {
        const larger = new Uint8Array(Math.max(file.bytes.length * 2, file.lengthBytes + fitting.length))
        larger.set(file.bytes)
        file.bytes = larger
      }
      file.bytes.set(fitting, file.lengthBytes)
      file.lengthBytes += fitting.length
      file.modifiedMs = this.#parts.clock.now()
      if (fitting.length < chunk.length) throw storageFull('append to', 'an open file')
    }
  }

  sync(file: StoredFile, lengthBytes: number): void {
    file.durableBytes = Math.max(file.durableBytes, lengthBytes)
  }

  rename(from: string, to: string): void {
    this.#files.set(to, this.#file(from))
    this.#files.delete(from)
  }

  remove(path: string): void {
    this.#files.delete(path)
  }

  #file(path: string): StoredFile {
    const file = this.#files.get(path)
    if (file === undefined) throw fileNotFound(path)
    return file
  }
}
