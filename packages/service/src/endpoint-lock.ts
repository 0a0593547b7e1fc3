import { createHash } from 'node:crypto'
import { realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'

/** Held for as long as an endpoint uses a data directory; the operating system lets go of it when the process dies. */
export interface EndpointLock {
  release(): Promise<void>
}

/**
 * Takes a data directory for this process: a listening socket named after it (on Linux one without a file).
 * Errors: `DATA_DIRECTORY_IN_USE`.
 */
export async function lockDataDirectory(directory: string): Promise<EndpointLock> {
  const digest = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32)
  const name = `millrace-${digest}`
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)
  const server = (await tryListen(path)) ?? (await replaceStale(path))
  if (server !== undefined) return { release: () => new Promise((resolve) => server.close(() => resolve())) }
  throw new EngineError('DATA_DIRECTORY_IN_USE', {
    kind: 'invalid',
    message: `Another endpoint is running on ${directory}.`,
    hint: 'Stop it, or give this one a directory of its own.',
    details: { directory },
  })
}

function tryListen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** A socket file outlives its process: nobody answers there. */
async function replaceStale(path: string): Promise<Server | undefined> {
  if (path.startsWith('\0') || (await answers(path))) return undefined
  await rm(path, { force: true })
  return tryListen(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
