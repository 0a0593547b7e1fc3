import { createHash } from 'node:crypto'
import { realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Held by the one process that uses a directory for a purpose; gone with the process, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Takes an existing directory for this process; undefined when another process has it for the same purpose. The lock is
 * a listening socket named after the directory: on Linux one without a file, which the kernel lets go of; elsewhere one
 * in the temporary folder, which is stale when nobody answers.
 */
export async function lockDirectory(
  directory: string,
  purpose: 'endpoint' | 'application',
): Promise<DirectoryLock | undefined> {
  const digest = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32)
  const name = `millrace-${purpose}-${digest}`
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
  await rm(path, { force: true })
  return tryListen(path)
}

/** Whether somebody listens on a socket's path. */
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
