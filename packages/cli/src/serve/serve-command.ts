import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { LogLevel } from '@millrace/engine'
import { EngineError, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { type Endpoint, startEndpoint } from '@millrace/service'
import { EXIT } from '../exit-codes.ts'
import { homeDirectory } from '../places.ts'
import { terminalLogger, toStandardError } from '../terminal.ts'

/** What `millrace serve` was asked for. */
export interface ServeOptions {
  readonly data?: string
  readonly port: number
  readonly throttle: boolean
  readonly logLevel: LogLevel
}

/**
 * Serves until SIGINT or SIGTERM; a second one exits at once. Prints `millrace ready URL` on standard output.
 * Errors: those of `startEndpoint`, `PORT_IN_USE`.
 */
export async function serveCommand({ data, port, throttle, logLevel }: ServeOptions): Promise<number> {
  const dataDirectory = resolve(data ?? homeDirectory())
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const logger = terminalLogger(toStandardError, () => logLevel)
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      let before = false
      process.on(signal, () => {
        if (before) process.exit(EXIT.interrupted)
        before = true
        resolve()
      })
    }
  })
  const endpoint = await start(dataDirectory, port, throttle, logger)
  process.stdout.write(`millrace ready ${endpoint.url}\n`)
  await asked
  logger.info('endpoint stops', { url: endpoint.url })
  await endpoint.close()
  return EXIT.ok
}

async function start(
  dataDirectory: string,
  port: number,
  throttling: boolean,
  logger: ReturnType<typeof terminalLogger>,
): Promise<Endpoint> {
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger }
  try {
    return await startEndpoint({ dataDirectory, port, throttling }, parts)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new EngineError('PORT_IN_USE', {
      kind: 'invalid',
      message: `Port ${port} is taken.`,
      hint: 'Choose another with --port; 0 takes a free one.',
      details: { port },
      cause: error,
    })
  }
}
