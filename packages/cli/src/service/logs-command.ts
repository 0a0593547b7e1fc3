import { EngineError } from '@millrace/engine'
import { withService } from './answer.ts'
import { sleep } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

/** What `millrace logs` was asked for. */
export interface LogsOptions extends ServiceOptions {
  readonly follow: boolean
  /** Lines to begin with: the newest that fit. */
  readonly tail: number
  /** This level and more severe ones. */
  readonly level?: string
  /** A time as ISO 8601, or an age such as `10m`. */
  readonly since?: string
  readonly until?: string
  /** A text that occurs in the line. */
  readonly search?: string
  /** `name:value` each. */
  readonly field?: readonly string[]
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
const COMPLETE_HEADER = 'x-millrace-log-complete'

/**
 * Prints an application's log, or the lines of it that fit, with `--follow` until it is interrupted or the application is
 * deleted.
 */
export function logsCommand(name: string, options: LogsOptions): Promise<number> {
  return withService(options, async (connection) => {
    if (!/^[\w.-]{1,128}$/.test(name)) throw nameInvalid(name)
    const filter = filterOf(options)
    const first: Parameter = [filter.length === 0 ? 'tail' : 'limit', String(options.tail)]
    let position = await print(connection, targetOf(name, [first, ...filter]), options)
    while (options.follow) {
      const next = await print(connection, targetOf(name, [['after', position], ...filter]), options)
      if (next === position) await sleep(POLL_MS)
      position = next
    }
  })
}

type Parameter = readonly [name: string, value: string]

/** In the order and the encoding that are signed. */
function targetOf(application: string, parameters: readonly Parameter[]): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const pairs = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`)
  return `/apps/${application}/logs?${pairs.sort().join('&')}`
}

/** Parameters of the request; the service checks them. */
function filterOf({ level, since, until, search, field = [] }: LogsOptions): Parameter[] {
  const given = Object.entries({ level, since, until, search })
  return [
    ...given.flatMap(([name, value]): Parameter[] => (value === undefined ? [] : [[name, value]])),
    ...field.map((value): Parameter => ['field', value]),
  ]
}

/** Answers with the position behind what it has printed. */
async function print(connection: ServiceConnection, target: string, { json, tail }: LogsOptions): Promise<string> {
  const response = await connection.get(target)
  const body = await response.text()
  if (!response.ok) throw refused(response, body)
  for (const line of body.split('\n')) if (line !== '') process.stdout.write(`${json ? line : format(line)}\n`)
  if (response.headers.get(COMPLETE_HEADER) === 'false') {
    process.stderr.write(
      `older lines that fit are not shown: ask for more than ${tail} with --tail, or narrow by time\n`,
    )
  }
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
