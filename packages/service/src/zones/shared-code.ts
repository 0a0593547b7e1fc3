import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngineError, type FileSystem } from '@millrace/engine/spi'

/** What of an application's stored code says where it is. */
export interface CodePlace {
  /** Below a node's data directory. */
  readonly file: string
  /** Of the bytes, hex. */
  readonly sha256: string
}

/** Bundles where every node of a shared store reaches them, by content: a node keeps those that it runs in its own cache. */
export class SharedCode {
  readonly #files: FileSystem
  readonly #root: string

  /** `stateRoot`: a shared folder or `s3://bucket/prefix`. */
  constructor(files: FileSystem, stateRoot: string) {
    this.#files = files
    this.#root = `${stateRoot.replace(/\/+$/, '')}/code`
  }

  /** Durable and visible to all nodes when it resolves; the same bytes may be put again. */
  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    await this.#files.createExclusive(this.#path(sha256), bytes)
  }

  /**
   * Has the code in the node's data directory when it resolves.
   * Errors: `CODE_MISSING` (unavailable: shared folders are now and then late), `CODE_CORRUPT` (corrupt), the storage's.
   */
  async fetch({ file, sha256 }: CodePlace, dataDirectory: string): Promise<void> {
    const path = join(dataDirectory, file)
    if ((await digestOf(path)) === sha256) return
    const bytes = await this.#read(sha256)
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
      throw new EngineError('CODE_CORRUPT', {
        kind: 'corrupt',
        message: `${this.#path(sha256)} isn't what was stored.`,
        hint: 'Store the code again with UpdateApplication.',
        details: { path: this.#path(sha256) },
      })
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const fresh = `${path}.${randomBytes(6).toString('hex')}.new`
    try {
      await writeFile(fresh, bytes, { mode: 0o600, flag: 'wx' })
      await rename(fresh, path)
    } finally {
      await rm(fresh, { force: true })
    }
  }

  async #read(sha256: string): Promise<Uint8Array> {
    try {
      return await this.#files.read(this.#path(sha256))
    } catch (cause) {
      throw new EngineError('CODE_MISSING', {
        kind: 'unavailable',
        message: `The code can't be read from ${this.#path(sha256)} (${(cause as Error).message}).`,
        hint: 'Look whether every node has the same folder or bucket as --state.',
        details: { path: this.#path(sha256) },
        cause,
      })
    }
  }

  #path(sha256: string): string {
    return `${this.#root}/${sha256}.zip`
  }
}

async function digestOf(path: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
