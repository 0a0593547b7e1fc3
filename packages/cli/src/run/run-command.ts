import { Socket } from 'node:net'
import { EngineError } from '@millrace/engine'
import { EXIT } from '../exit-codes.ts'
import { formatError, toStandardError, type Write } from '../terminal.ts'
import { ControlConnection } from './control-connection.ts'
import { ApplicationRun, type RunEnd } from './run-application.ts'
import { commandToGoOn, type RunOptions } from './run-options.ts'
import { terminalOutput } from './run-output.ts'

/** Runs an application to its end and answers with the exit code. */
export async function runCommand(options: RunOptions): Promise<number> {
  return options.control === undefined ? runInTerminal(options) : runControlled(options, options.control)
}

/** A parent keeps the log, so a burst waits for it; one that has stopped reading for good doesn't fill the memory. */
const PARENT_UNREAD_BYTES = 64 << 20

/** Ctrl-C and SIGTERM stop with a savepoint when there are checkpoints; a second one cancels at once. */
async function runInTerminal(options: RunOptions, write: Write = toStandardError): Promise<number> {
  const run: ApplicationRun = new ApplicationRun(
    options,
    terminalOutput(
      () => run.name,
      () => options.logLevel,
      write,
    ),
  )
  let interruptedBy: number | undefined
  let stopping = false
  const cancel = (exitCode: number): void => {
    if (interruptedBy !== undefined) {
      run.removeFiles()
      process.exit(interruptedBy)
    }
    interruptedBy = exitCode
    run.cancel()
  }
  const interrupt = (exitCode: number): void => {
    if (stopping || !run.checkpointing || run.state !== 'RUNNING') {
      cancel(exitCode)
      return
    }
    stopping = true
    write('stopping with a savepoint; once more cancels without one\n')
    run.stop().catch((error) => {
      if (interruptedBy !== undefined) return
      write(`the savepoint failed, the application goes on\n${formatError(error)}`)
      stopping = false
    })
  }
  process.on('SIGINT', () => interrupt(EXIT.interrupted))
  process.on('SIGTERM', () => interrupt(EXIT.terminated))
  process.on('SIGHUP', () => cancel(EXIT.terminated))
  const end = await run.run()
  tellSavepoint(options, end, write)
  return interruptedBy !== undefined && end.state === 'CANCELED' ? interruptedBy : end.exitCode
}

function tellSavepoint(options: RunOptions, { savepoint }: RunEnd, write: Write): void {
  if (savepoint === undefined) return
  write(`savepoint: ${savepoint}\ngo on with: ${commandToGoOn(options, savepoint)}\n`)
}

/** The parent decides: its commands come over the descriptor, and when it is gone so is the application. */
async function runControlled(options: RunOptions, descriptor: number): Promise<number> {
  const stream = openDescriptor(descriptor)
  if (stream === undefined) return EXIT.usage
  let ended = false
  let connection: ControlConnection | undefined
  const run: ApplicationRun = new ApplicationRun(options, { event: (event) => connection?.send(event) })
  connection = new ControlConnection(stream, run.onCommand, PARENT_UNREAD_BYTES)
  connection.closed.then(() => {
    if (ended) return
    run.removeFiles()
    process.exit(EXIT.parentGone)
  })
  // A terminal's Ctrl-C reaches the whole group of processes; what to do about it is for the parent to say.
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  let terminated = false
  process.on('SIGTERM', () => {
    terminated = true
    run.cancel()
  })
  const end = await run.run()
  ended = true
  await connection.end()
  return terminated && end.state === 'CANCELED' ? EXIT.terminated : end.exitCode
}

function openDescriptor(descriptor: number): Socket | undefined {
  try {
    return new Socket({ fd: descriptor, readable: true, writable: true })
  } catch (cause) {
    const error = new EngineError('CONTROL_INVALID', {
      kind: 'invalid',
      message: `File descriptor ${descriptor} can't be used for --control.`,
      hint: 'Hand in an open socket, as child_process.spawn makes of stdio "pipe".',
      cause,
    })
    toStandardError(formatError(error))
    return undefined
  }
}
