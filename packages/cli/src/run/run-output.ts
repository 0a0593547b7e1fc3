import { type EngineError, type LogLevel, restoreEngineError } from '@millrace/engine/spi'
import type { ApplicationEvent } from '@millrace/service/launchers'
import { formatError, formatLogLine, terminalLogger, type Write } from '../terminal.ts'

/** Who is told what happens: a terminal, or the parent on the control connection. */
export interface RunOutput {
  event(event: ApplicationEvent): void
}

/** Tells a person: one line a change of state, checkpoints at debug, failures with their hint and stack. */
export function terminalOutput(name: () => string, level: () => LogLevel, write: Write): RunOutput {
  const logger = terminalLogger(write, level)
  let shown: string | undefined
  const failure = (error: EngineError): void => {
    const text = formatError(error)
    // The failure that ends the application was told when it happened.
    if (text !== shown) write(text)
    shown = text
  }
  return {
    event(event) {
      switch (event.type) {
        case 'status': {
          const { state, cause } = event
          const fields = { application: name(), restarts: event.restarts === 0 ? undefined : event.restarts }
          if (state === 'FAILED') {
            if (cause !== undefined) failure(restoreEngineError(cause))
            logger.error('application failed', fields)
          } else if (state === 'RESTARTING') logger.warn('application restarts', fields)
          else if (state === 'INITIALIZING') logger.debug('application starts', fields)
          else if (state !== 'CREATED') logger.info(`application ${state.toLowerCase()}`, fields)
          return
        }
        case 'checkpoint': {
          const { type: _, durationMs, ...fields } = event
          logger.debug('checkpoint complete', { ...fields, durationMs: Math.round(durationMs) })
          return
        }
        case 'exception':
          failure(restoreEngineError(event.error))
          return
        case 'log':
          write(formatLogLine(event, event.timestampMs))
          return
        default:
        // Answers to commands concern whoever asked.
      }
    },
  }
}
