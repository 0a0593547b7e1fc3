import type { PendingFile, PersistedFile, RecoverableFile } from '../../spi/file-system.ts'
import { storageFailed } from '../../spi/file-system-errors.ts'
import { BackgroundAppender } from './background-appender.ts'
import type { MemoryStorage, StoredFile } from './memory-storage.ts'
import type { StorageOperation } from './storage-faults.ts'

/** An open file of a `MemoryStorage`, under its hidden name. */
export class MemoryRecoverableFile implements RecoverableFile {
  readonly targetPath: string
  readonly #storage: MemoryStorage
  readonly #temporaryPath: string
  readonly #file: StoredFile
  readonly #power: number
  readonly #appender: BackgroundAppender

  constructor(storage: MemoryStorage, targetPath: string, temporaryPath: string) {
    const file = storage.create(temporaryPath)
    this.#file = file
    this.targetPath = targetPath
    this.#storage = storage
    this.#temporaryPath = temporaryPath
    this.#power = storage.power
    this.#appender = new BackgroundAppender((chunks) => this.#step('append', () => storage.append(file, chunks)))
  }

  get lengthBytes(): number {
    return this.#appender.lengthBytes
  }

  get bufferedBytes(): number {
    return this.#appender.bufferedBytes
  }

  write(bytes: Uint8Array): void {
    this.#appender.write(bytes)
  }

  persist(): Promise<PersistedFile> {
    return this.#sync('persist')
  }

  close(): Promise<PendingFile> {
    return this.#sync('close')
  }

  async discard(): Promise<void> {
    await this.#step('discard', () => this.#storage.remove(this.#temporaryPath))
  }

  async #sync(operation: 'persist' | 'close'): Promise<PersistedFile> {
    const lengthBytes = this.lengthBytes
    await this.#appender.appended(lengthBytes)
    await this.#step(operation, () => this.#storage.sync(this.#file, lengthBytes))
    return { targetPath: this.targetPath, lengthBytes, token: { temporaryPath: this.#temporaryPath } }
  }

  #step(operation: StorageOperation, effect: () => void): Promise<void> {
    return this.#storage.step(operation, this.targetPath, () => {
      if (this.#power !== this.#storage.power) throw storageFailed(operation, this.targetPath)
      effect()
    })
  }
}
