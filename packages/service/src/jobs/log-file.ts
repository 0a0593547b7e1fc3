import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from '@millrace/engine/spi'

/** How much of an application's log is kept. */
export interface LogFileSettings {
  readonly maxBytes: number
  /** Files besides the one that is written: `application.log.1` is the youngest of them. */
  readonly kept: number
}

export const defaultLogFileSettings: LogFileSettings = { maxBytes: 16 << 20, kept: 4 }

/**
 * A file of lines that is rotated by size. A line is handed to the operating system before `write` returns, so that
 * neither a stop nor the death of this process loses one; it isn't synced to the disk.
 */
export class LogFile {
  readonly path: string
  readonly #settings: LogFileSettings
  readonly #logger: Logger
  #descriptor: number | undefined
  #bytes = 0
  #failing = false

  constructor(path: string, settings: LogFileSettings, logger: Logger) {
    this.path = path
    this.#settings = settings
    this.#logger = logger
  }

  /** A full disk must not stop an application: what can't be written is told once, in the service's own log. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    try {
      let descriptor = this.#open()
      if (this.#bytes > 0 && this.#bytes + bytes.length > this.#settings.maxBytes) {
        this.#rotate()
        descriptor = this.#open()
      }
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
      this.#bytes += bytes.length
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#logger.error('log not written', { file: this.path, reason: (error as Error).message })
      this.#failing = true
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): number {
    if (this.#descriptor === undefined) {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
      this.#descriptor = openSync(this.path, 'a', 0o600)
      this.#bytes = fstatSync(this.#descriptor).size
    }
    return this.#descriptor
  }

  #rotate(): void {
    this.close()
    const { kept } = this.#settings
    rmSync(`${this.path}.${kept}`, { force: true })
    for (let number = kept - 1; number >= 0; number--) {
      try {
        renameSync(number === 0 ? this.path : `${this.path}.${number}`, `${this.path}.${number + 1}`)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
  }
}
