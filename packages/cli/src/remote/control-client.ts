import { connect, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { EngineError, restoreEngineError } from '@millrace/engine/spi'
import {
  APPLICATION_PROTOCOL,
  type ApplicationCommand,
  type ApplicationEvent,
  encodeLine,
  JsonLineDecoder,
} from '@millrace/service/launchers'
import { readControlFile } from '../run/control-file.ts'

/**
 * Sends one command to the application that runs in a directory and answers with its reply.
 * Errors: `APPLICATION_NOT_RUNNING`, `APPLICATION_PROTOCOL_UNKNOWN`, `APPLICATION_EXITED`, the refusal's own.
 */
export async function askApplication(
  directory: string,
  command: ApplicationCommand,
  onStatus: (state: string) => void = () => {},
): Promise<ApplicationEvent> {
  const socket = await connectTo(resolve(directory))
  try {
    return await exchange(socket, { ...command, requestId: 1 }, onStatus)
  } finally {
    socket.destroy()
  }
}

async function connectTo(directory: string): Promise<Socket> {
  const path = readControlFile(directory)?.socket
  const notRunning = (cause?: unknown): EngineError =>
    new EngineError('APPLICATION_NOT_RUNNING', {
      kind: 'invalid',
      message: `No application runs in ${directory}.`,
      hint: 'Name the directory of a running one: that of --dir, or .millrace/apps/<name>.',
      details: { directory },
      cause,
    })
  if (path === undefined) throw notRunning()
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // The file of a process that was killed names a socket where nobody listens.
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
      reject(gone ? notRunning(error) : error)
    })
  })
}

function exchange(
  socket: Socket,
  command: ApplicationCommand,
  onStatus: (state: string) => void,
): Promise<ApplicationEvent> {
  const decoder = new JsonLineDecoder()
  return new Promise((resolve, reject) => {
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const message of decoder.push(bytes, reject)) {
          const event = message as unknown as ApplicationEvent
          if (event.type === 'hello' && event.protocol !== APPLICATION_PROTOCOL) reject(otherProtocol(event.protocol))
          if (event.type === 'status') onStatus(event.state)
          if (!('requestId' in event) || event.requestId !== command.requestId) continue
          if (event.type === 'refused') reject(restoreEngineError(event.error))
          else resolve(event)
        }
      } catch (error) {
        reject(error)
      }
    })
    socket.on('error', reject)
    socket.on('close', () =>
      reject(
        new EngineError('APPLICATION_EXITED', {
          kind: 'unavailable',
          message: 'The application ended before it answered.',
          hint: 'Its own output says why.',
        }),
      ),
    )
    socket.write(encodeLine(command))
  })
}

function otherProtocol(protocol: number): EngineError {
  return new EngineError('APPLICATION_PROTOCOL_UNKNOWN', {
    kind: 'invalid',
    message: `The application speaks version ${protocol} of the control protocol, this command ${APPLICATION_PROTOCOL}.`,
    hint: 'Use the version of millrace that the application runs with.',
  })
}
