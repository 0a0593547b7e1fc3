import { withService } from './answer.ts'
import { askApplication } from './application-route.ts'
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
    const filter = filterOf(options)
    const first: Parameter = [filter.length === 0 ? 'tail' : 'limit', String(options.tail)]
    let position = await print(connection, name, [first, ...filter], options)
    while (options.follow) {
      const next = await print(connection, name, [['after', position], ...filter], options)
      if (next === position) await sleep(POLL_MS)
      position = next
    }
  })
}

type Parameter = readonly [name: string, value: string]

/** In the order and the encoding that are signed. */
function pathOf(parameters: readonly Parameter[]): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const pairs = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`)
  return `/logs?${pairs.sort().join('&')}`
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
async function print(
  connection: ServiceConnection,
  name: string,
  parameters: readonly Parameter[],
  { json, tail }: LogsOptions,
): Promise<string> {
  const response = await askApplication(connection, name, pathOf(parameters))
  const body = await response.text()
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
