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
  /** Its name among the shared bundles. */
  readonly shared?: string | undefined
}

/** A bundle that is there. */
export interface SharedBundle {
  readonly name: string
  /** Epoch ms. */
  readonly putMs: number
}

/**
 * Bundles where every node of a shared store reaches them: a node keeps those that it runs in its own cache. Each call that
 * brings code puts one of its own, so that nothing that is about to be stored refers to an old one.
 */
export class SharedCode {
  readonly #files: FileSystem
  readonly #root: string

  /** `stateRoot`: a shared folder or `s3://bucket/prefix`. */
  constructor(files: FileSystem, stateRoot: string) {
    this.#files = files
    this.#root = `${stateRoot.replace(/\/+$/, '')}/code`
  }

  /** Durable and visible to all nodes when it resolves, to its name. */
  async put(sha256: string, bytes: Uint8Array, nowMs: number): Promise<string> {
    const name = `${nowMs}-${sha256}.zip`
    await this.#files.createExclusive(this.#path(name), bytes)
    return name
  }

  async list(): Promise<readonly SharedBundle[]> {
    const files = await this.#files.list(this.#root)
    return files.flatMap(({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1)
      const [, putMs] = /^(\d+)-[0-9a-f]{64}\.zip$/.exec(name) ?? []
      return putMs === undefined ? [] : [{ name, putMs: Number(putMs) }]
    })
  }

  /** One that isn't there is fine. */
  async remove({ name }: SharedBundle): Promise<void> {
    await this.#files.delete(this.#path(name))
  }

  /**
   * Has the code in the node's data directory when it resolves.
   * Errors: `CODE_MISSING` (unavailable: shared folders are now and then late), `CODE_CORRUPT` (corrupt), the storage's.
   */
  async fetch({ file, sha256, shared = `${sha256}.zip` }: CodePlace, dataDirectory: string): Promise<void> {
    const path = join(dataDirectory, file)
    if ((await digestOf(path)) === sha256) return
    const bytes = await this.#read(shared)
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
      throw new EngineError('CODE_CORRUPT', {
        kind: 'corrupt',
        message: `${this.#path(shared)} isn't what was stored.`,
        hint: 'Store the code again with UpdateApplication.',
        details: { path: this.#path(shared) },
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

  async #read(name: string): Promise<Uint8Array> {
    try {
      return await this.#files.read(this.#path(name))
    } catch (cause) {
      throw new EngineError('CODE_MISSING', {
        kind: 'unavailable',
        message: `The code can't be read from ${this.#path(name)} (${(cause as Error).message}).`,
        hint: 'Look whether every node has the same folder or bucket as --state.',
        details: { path: this.#path(name) },
        cause,
      })
    }
  }

  #path(name: string): string {
    return `${this.#root}/${name}`
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
