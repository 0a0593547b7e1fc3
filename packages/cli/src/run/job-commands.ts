import type { JobCoordinator, LogLevel } from '@millrace/engine'
import { asEngineError, EngineError } from '@millrace/engine/spi'
import type { ApplicationEvent, ProcessFigures } from '@millrace/service/launchers'
import { absolutePath } from '../places.ts'
import { type CommandHandler, withoutStack } from './control-connection.ts'

/** What commands act on. The job is undefined until the application is loaded. */
export interface CommandTarget {
  job(): JobCoordinator | undefined
  /** Ends the application, also before there is a job. */
  cancel(): void
  /** Where a savepoint goes when the command doesn't say. */
  newSavepointFolder(): string
  uptimeMs(): number
  /** What the process takes. */
  processFigures(): ProcessFigures
}

type Message = Record<string, unknown>

export interface JobCommands {
  readonly handle: CommandHandler
  /** Resolves when every command so far has been answered: a stop's answer and the end of the job come together. */
  answered(): Promise<void>
}

/**
 * Carries out the commands of the control protocol and answers each on its own connection.
 * Refusals: `COMMAND_UNKNOWN`, `COMMAND_INVALID`, `NOT_RUNNING`, `ALREADY_STOPPING`.
 */
export function jobCommands(target: CommandTarget): JobCommands {
  const inProgress = new Set<Promise<void>>()
  return {
    handle(message, send) {
      const requestId = typeof message['requestId'] === 'number' ? { requestId: message['requestId'] } : {}
      const done = carryOut(message)
        .then(
          (answer) => {
            if (answer !== undefined) send({ ...answer, ...requestId } as ApplicationEvent)
          },
          (error: unknown) => send({ type: 'refused', ...requestId, error: withoutStack(error) }),
        )
        .then(() => void inProgress.delete(done))
      inProgress.add(done)
    },
    async answered() {
      await Promise.all(inProgress)
    },
  }

  async function carryOut(message: Message): Promise<ApplicationEvent | undefined> {
    switch (message['type']) {
      case 'savepoint':
        return savepoint(message, flag(message, 'stop'))
      case 'stop':
        return savepoint(message, true)
      case 'cancel':
        target.cancel()
        return undefined
      case 'log-level':
        setLogLevel(runningJob(target), message)
        return undefined
      case 'metrics':
        return metrics(target)
      case 'checkpoint': {
        const { id, path, sizeBytes, durationMs } = await runningJob(target).checkpoint()
        return { type: 'checkpoint', id, path: path ?? null, bytes: sizeBytes, durationMs }
      }
      case 'plan':
        return { type: 'plan', plan: runningJob(target).plan() }
      case 'details':
        return { type: 'details', details: runningJob(target).details() }
      case 'checkpoints':
        return checkpoints(runningJob(target), message)
      default:
        throw new EngineError('COMMAND_UNKNOWN', {
          kind: 'invalid',
          message: `There is no command '${String(message['type'])}'.`,
          hint: 'Send savepoint, stop, cancel, checkpoint, log-level, metrics, plan, details or checkpoints.',
        })
    }
  }

  async function savepoint(message: Message, stop: boolean): Promise<ApplicationEvent> {
    const drain = flag(message, 'drain')
    const path = text(message, 'path')
    if (drain && !stop) throw invalid('drain', 'only goes with stop: a drained application has no input left')
    try {
      const folder = path === undefined ? target.newSavepointFolder() : absolutePath(path)
      const completed = await runningJob(target).savepoint(folder, !stop ? 'none' : drain ? 'drain' : 'suspend')
      const { id, sizeBytes, durationMs } = completed
      return { type: 'savepoint', id, path: completed.path ?? folder, bytes: sizeBytes, durationMs }
    } catch (error) {
      return { type: 'savepoint', error: withoutStack(asEngineError(error)) }
    }
  }
}

async function metrics(target: CommandTarget): Promise<ApplicationEvent> {
  const job = runningJob(target)
  const collected = await job.collectMetrics()
  const figures = target.processFigures()
  return {
    type: 'metrics',
    state: job.state,
    restarts: job.restarts,
    uptimeMs: target.uptimeMs(),
    residentBytes: figures.residentBytes,
    ...collected,
    process: figures,
  }
}

function checkpoints(job: JobCoordinator, message: Message): ApplicationEvent {
  const id = message['id'] ?? undefined
  if (id === undefined) return { type: 'checkpoints', checkpoints: job.checkpoints() }
  if (typeof id !== 'number') throw invalid('id', 'must be a number')
  return { type: 'checkpoints', checkpoints: job.checkpoints(), checkpoint: job.checkpointById(id) ?? null }
}

function runningJob(target: CommandTarget): JobCoordinator {
  const job = target.job()
  if (job !== undefined) return job
  throw new EngineError('NOT_RUNNING', {
    kind: 'invalid',
    message: 'The application is still being loaded.',
    hint: 'Wait for a status line.',
  })
}

function flag(message: Message, name: string): boolean {
  const value = message[name] ?? false
  if (typeof value !== 'boolean') throw invalid(name, 'must be true or false')
  return value
}

function text(message: Message, name: string): string | undefined {
  const value = message[name] ?? undefined
  if (value !== undefined && (typeof value !== 'string' || value === '')) throw invalid(name, 'must be text')
  return value
}

/** Of all loggers; with `logger` of that one, where null takes its own level away. */
function setLogLevel(job: JobCoordinator, message: Message): void {
  const { level } = message
  const logger = text(message, 'logger')
  if (logger === undefined) job.setLogLevel(logLevel(level))
  else job.setLoggerLevel(logger, level === null ? undefined : logLevel(level))
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error']

function logLevel(value: unknown): LogLevel {
  if (typeof value === 'string' && LOG_LEVELS.includes(value)) return value as LogLevel
  throw invalid('level', `must be one of ${LOG_LEVELS.join(', ')}`)
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('COMMAND_INVALID', { kind: 'invalid', message: `The command's '${name}' ${what}.` })
}
