import type { FileHandle } from 'node:fs/promises'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EngineError } from '../../common/errors.ts'
import type { PendingFile, PersistedFile, RecoverableFile } from '../../spi/file-system.ts'
import { BackgroundAppender } from './background-appender.ts'
import { appendAll, reportingStorageErrors, syncFolder } from './local-files.ts'

/** An open local file under its hidden name. Owns the handle. */
export class LocalRecoverableFile implements RecoverableFile {
  readonly targetPath: string
  readonly #temporaryPath: string
  readonly #handle: FileHandle
  readonly #appender: BackgroundAppender
  #nameDurable = false
  #closing: Promise<void> | undefined

  constructor(targetPath: string, temporaryPath: string, handle: FileHandle) {
    this.targetPath = targetPath
    this.#temporaryPath = temporaryPath
    this.#handle = handle
    this.#appender = new BackgroundAppender((chunks) =>
      reportingStorageErrors('write', targetPath, () => appendAll(handle, chunks)),
    )
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

  async persist(): Promise<PersistedFile> {
    const lengthBytes = this.lengthBytes
    await this.#makeDurable(lengthBytes)
    return { targetPath: this.targetPath, lengthBytes, token: { temporaryPath: this.#temporaryPath } }
  }

  async close(): Promise<PendingFile> {
    try {
      return await this.persist()
    } finally {
      // Also after a failure: the caller may leave the file to a later attempt, and then nobody else closes it.
      await this.#closeHandle()
    }
  }

  async discard(): Promise<void> {
    await this.#appender.stop(discarded(this.targetPath))
    await reportingStorageErrors('discard', this.targetPath, async () => {
      await this.#closeHandle()
      await rm(this.#temporaryPath, { force: true })
    })
  }

  async #makeDurable(lengthBytes: number): Promise<void> {
    await this.#appender.appended(lengthBytes)
    await reportingStorageErrors('sync', this.targetPath, async () => {
      await this.#handle.datasync()
      if (this.#nameDurable) return
      await syncFolder(dirname(this.#temporaryPath))
      this.#nameDurable = true
    })
  }

  #closeHandle(): Promise<void> {
    this.#closing ??= this.#handle.close()
    return this.#closing
  }
}

function discarded(path: string): EngineError {
  return new EngineError('FILE_DISCARDED', { kind: 'bug', message: `${path} was written to after it was given up.` })
}
