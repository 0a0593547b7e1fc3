import { EngineError } from '@millrace/engine'
import { withService } from './answer.ts'
import { sleep } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

/** What `millrace logs` was asked for. */
export interface LogsOptions extends ServiceOptions {
  readonly follow: boolean
  /** Lines from the end of the log to begin with. */
  readonly tail: number
}

/** A line as the service keeps it: the fields of Amazon's service. */
interface LogLine {
  readonly timestamp: string
  readonly messageType: string
  readonly logger: string
  readonly message: string
  readonly throwableInformation?: readonly string[]
  readonly fields?: Readonly<Record<string, unknown>>
}

const POLL_MS = 250
const POSITION_HEADER = 'x-millrace-log-position'

/** Prints an application's log, with `--follow` until it is interrupted or the application is deleted. */
export function logsCommand(name: string, options: LogsOptions): Promise<number> {
  return withService(options, async (connection) => {
    if (!/^[\w.-]{1,128}$/.test(name)) throw nameInvalid(name)
    let position = await print(connection, `/apps/${name}/logs?tail=${options.tail}`, options.json)
    while (options.follow) {
      const next = await print(connection, `/apps/${name}/logs?after=${position}`, options.json)
      if (next === position) await sleep(POLL_MS)
      position = next
    }
  })
}

/** Answers with the position behind what it has printed. */
async function print(connection: ServiceConnection, target: string, json: boolean): Promise<string> {
  const response = await connection.get(target)
  const body = await response.text()
  if (!response.ok) throw refused(response, body)
  for (const line of body.split('\n')) if (line !== '') process.stdout.write(`${json ? line : format(line)}\n`)
  return response.headers.get(POSITION_HEADER) ?? ''
}

function format(text: string): string {
  const {
    timestamp,
    messageType,
    logger,
    message,
    throwableInformation = [],
    fields = {},
  } = JSON.parse(text) as LogLine
  const shown = Object.entries(fields).map(([name, value]) => {
    return ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  const head = `${timestamp} ${messageType.padEnd(5)} ${logger}: ${message}${shown.join('')}`
  return [head, ...throwableInformation.slice(1)].join('\n')
}

function refused(response: Response, body: string): EngineError {
  const { __type: code = 'SERVICE_ANSWER_UNKNOWN', message = `The service answered ${response.status}.` } =
    parseOrNothing(body)
  return new EngineError(code, {
    kind: 'invalid',
    message,
    hint:
      response.status === 403
        ? 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).'
        : 'millrace apps lists what is there.',
  })
}

function parseOrNothing(body: string): { __type?: string; message?: string } {
  try {
    return JSON.parse(body) as { __type?: string; message?: string }
  } catch {
    return {}
  }
}

function nameInvalid(name: string): EngineError {
  return new EngineError('APPLICATION_NAME_INVALID', {
    kind: 'invalid',
    message: `'${name}' is not the name of an application: letters, digits, '_', '.', '-', at most 128.`,
    hint: 'millrace apps lists what is there.',
  })
}
