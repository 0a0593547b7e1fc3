import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Held by the one process that runs an application in a directory; gone with the process, however it ends. */
export interface ApplicationLock {
  release(): Promise<void>
}

/**
 * Takes an existing directory for this process; undefined when another process runs there. The lock is a listening
 * socket named after the directory: on Linux one without a file, which the kernel lets go of; elsewhere one in the
 * temporary folder, which is stale when nobody answers.
 */
export async function lockApplicationDirectory(directory: string): Promise<ApplicationLock | undefined> {
  const digest = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32)
  const name = `millrace-application-${digest}`
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name)
  const server = (await tryListen(path)) ?? (await replaceStale(path))
  if (server === undefined) return undefined
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
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

async function replaceStale(path: string): Promise<Server | undefined> {
  if (path.startsWith('\0') || (await answers(path))) return undefined
  rmSync(path, { force: true })
  return tryListen(path)
}

/** Whether somebody listens on a socket's path. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
