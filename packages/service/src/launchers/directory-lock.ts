import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { chmod, link, mkdir, open, readdir, realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Held by the one process that uses a directory for a purpose; gone with the process, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>
}

/** What a directory is used for. */
export type LockPurpose = 'endpoint' | 'application'

/** A unix socket's path holds 107 bytes on Linux and 103 on macOS; so much of it is the name of a lock. */
const maxFolderBytes = 103 - 48

/**
 * Takes an existing directory for this process; undefined when another process has it for the same purpose.
 *
 * The lock is a listening socket in the directory, `.PURPOSE-lock.N`: whoever answers there has it. Who finds none that
 * answers makes the next N, which only one can, and has it when it is the highest and still nobody else answers. It lies
 * in the directory because nobody else gets there: names without a file (abstract sockets) are everybody's who shares the
 * network, isolated applications too, and shown to them in /proc/net/unix.
 */
export async function lockDirectory(directory: string, purpose: LockPurpose): Promise<DirectoryLock | undefined> {
  const folder = await SocketFolder.open(await realpath(directory))
  const lock = await new LockFiles(folder, purpose).take()
  if (lock === undefined) await folder.close()
  return lock
}

/** A folder by a path that is short enough for sockets in it. */
class SocketFolder {
  readonly path: string
  readonly close: () => Promise<void>

  private constructor(path: string, close = async () => {}) {
    this.path = path
    this.close = close
  }

  static async open(directory: string): Promise<SocketFolder> {
    if (Buffer.byteLength(directory) <= maxFolderBytes) return new SocketFolder(directory)
    if (process.platform === 'linux') {
      const handle = await open(directory, 'r')
      return new SocketFolder(`/proc/self/fd/${handle.fd}`, () => handle.close())
    }
    const digest = createHash('sha256').update(directory).digest('hex').slice(0, 24)
    const path = join(tmpdir(), `millrace-${digest}`)
    await mkdir(path, { recursive: true, mode: 0o700 })
    return new SocketFolder(path)
  }
}

class LockFiles {
  readonly #folder: SocketFolder
  readonly #prefix: string

  constructor(folder: SocketFolder, purpose: LockPurpose) {
    this.#folder = folder
    this.#prefix = `.${purpose}-lock.`
  }

  async take(): Promise<DirectoryLock | undefined> {
    for (;;) {
      const found = await this.#numbers()
      if (await this.#anyAnswers(found)) return undefined
      const number = (found.at(-1) ?? 0) + 1
      const server = await this.#listenAt(number)
      if (server === undefined) continue
      for (const dead of found) await rm(this.#path(dead), { force: true })
      return this.#held(server, this.#path(number))
    }
  }

  #held(server: Server, path: string): DirectoryLock {
    const removeFile = () => rmSync(path, { force: true })
    process.once('exit', removeFile)
    return {
      release: async () => {
        process.off('exit', removeFile)
        removeFile()
        await closed(server)
        await this.#folder.close()
      },
    }
  }

  /** Undefined when another process was faster. It listens before it has the name: whoever sees that gets an answer. */
  async #listenAt(number: number): Promise<Server | undefined> {
    const path = join(this.#folder.path, `${this.#prefix}${randomBytes(8).toString('hex')}`)
    const server = await listen(path)
    try {
      // The folder keeps others away. A service that runs as another user later has to be able to ask.
      await chmod(path, 0o777)
      await link(path, this.#path(number))
      await rm(path)
      // Of two with different numbers the one that looks last sees the other.
      const found = await this.#numbers()
      const isHighest = found.at(-1) === number
      if (isHighest && !(await this.#anyAnswers(found.filter((other) => other !== number)))) return server
      await rm(this.#path(number), { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        await closed(server)
        throw error
      }
    }
    await closed(server)
    return undefined
  }

  async #anyAnswers(numbers: readonly number[]): Promise<boolean> {
    const found = await Promise.all(numbers.map((number) => answers(this.#path(number))))
    return found.includes(true)
  }

  async #numbers(): Promise<number[]> {
    const pattern = /^[1-9]\d{0,14}$/
    return (await readdir(this.#folder.path))
      .filter((name) => name.startsWith(this.#prefix))
      .map((name) => name.slice(this.#prefix.length))
      .filter((text) => pattern.test(text))
      .map(Number)
      .sort((a, b) => a - b)
  }

  #path(number: number): string {
    return join(this.#folder.path, `${this.#prefix}${number}`)
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** Its path is removed with it, when it is still there. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** Whether somebody listens on a socket's path; also when too busy to answer. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
  })
}
