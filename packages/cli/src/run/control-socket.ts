import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { ApplicationEvent } from '@millrace/service/launchers'
import { type CommandHandler, ControlConnection } from './control-connection.ts'
import { readControlFile, removeControlFile, writeControlFile } from './control-file.ts'

/** A unix socket's path holds 107 bytes on Linux and 103 on macOS. */
const MAX_SOCKET_PATH_BYTES = 103
const SOCKET_NAME = 'control.sock'
const FOLDER_PREFIX = 'millrace-'

/**
 * The local control socket of a running application: `control.sock` in its directory, for its user only. Where that
 * path is too long the socket lies in a folder of its own below the temporary one; `control.json` names it either way.
 */
export class ControlSocket {
  readonly path: string
  readonly #directory: string
  readonly #server: Server
  readonly #connections = new Set<ControlConnection>()

  private constructor(directory: string, path: string, server: Server) {
    this.#directory = directory
    this.path = path
    this.#server = server
  }

  /** Listens in a directory whose lock is held: a socket file that is there already is stale. */
  static async open(
    directory: string,
    onCommand: CommandHandler,
    greet: () => ApplicationEvent,
  ): Promise<ControlSocket> {
    removeFiles(directory, readControlFile(directory)?.socket ?? join(directory, SOCKET_NAME))
    const path = socketPathFor(directory)
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    chmodSync(path, 0o600)
    // The application's end is up to the application.
    server.unref()
    const socket = new ControlSocket(directory, path, server)
    server.on('connection', (stream) => {
      stream.unref()
      const connection = new ControlConnection(stream, onCommand)
      socket.#connections.add(connection)
      connection.closed.then(() => socket.#connections.delete(connection))
      connection.send(greet())
    })
    writeControlFile(directory, { pid: process.pid, socket: path })
    return socket
  }

  broadcast(event: ApplicationEvent): void {
    for (const connection of this.#connections) connection.send(event)
  }

  /** Hands everybody what is left for them and leaves nothing behind. */
  async close(): Promise<void> {
    this.removeFiles()
    await Promise.all([...this.#connections].map((connection) => connection.end()))
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Nobody finds the socket any more; at once, for a process that is about to exit. */
  removeFiles(): void {
    removeFiles(this.#directory, this.path)
  }
}

function removeFiles(directory: string, socketPath: string): void {
  removeControlFile(directory)
  rmSync(socketPath, { force: true })
  const folder = dirname(socketPath)
  if (folder !== directory && basename(folder).startsWith(FOLDER_PREFIX))
    rmSync(folder, { recursive: true, force: true })
}

function socketPathFor(directory: string): string {
  const path = join(directory, SOCKET_NAME)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path
  return join(mkdtempSync(join(tmpdir(), FOLDER_PREFIX)), SOCKET_NAME)
}
