import { answer, withService } from './answer.ts'
import { askApplication } from './application-route.ts'
import { sleep } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

/** What `millrace metrics` was asked for. */
export interface MetricsOptions extends ServiceOptions {
  /** APPLICATION, TASK, OPERATOR or PARALLELISM; all that are kept unless given. */
  readonly level?: string
  /** Again every so many seconds, until it is interrupted. */
  readonly watch: boolean
}

/** A figure as the service tells it. */
interface Metric {
  readonly name: string
  readonly level: string
  readonly dimensions: Readonly<Record<string, string>>
  readonly unit: string
  readonly value: number
}

interface Metrics {
  readonly application: string
  readonly status: string
  readonly metricsLevel: string
  readonly note?: string
  readonly metrics: readonly Metric[]
}

/** The service collects each ten seconds. */
const WATCH_MS = 10_000

/** Prints an application's newest figures, with `--watch` until it is interrupted or the application is deleted. */
export function metricsCommand(name: string, options: MetricsOptions): Promise<number> {
  return withService(options, async (connection) => {
    for (;;) {
      const metrics = await ask(connection, name, options.level)
      const clear = options.watch && !options.json && process.stdout.isTTY ? '\x1b[2J\x1b[H' : ''
      answer(options.json, metrics, clear + table(metrics))
      if (!options.watch) return
      await sleep(WATCH_MS)
    }
  })
}

async function ask(connection: ServiceConnection, name: string, level: string | undefined): Promise<Metrics> {
  const query = level === undefined ? '' : `?level=${level.toUpperCase()}`
  return (await (await askApplication(connection, name, `/metrics${query}`)).json()) as Metrics
}

/** For a person: the application's own figures first, then task by task. */
export function table({ application, status, metricsLevel, note, metrics }: Metrics): string {
  const head = `${application} is ${status}; metrics at level ${metricsLevel}`
  const told = note === undefined ? [] : [note]
  if (metrics.length === 0) return [head, ...told, 'no figures: it does not run, or was not asked yet'].join('\n')
  const rows = metrics.map((metric) => [placeOf(metric), metric.name, textOf(metric)])
  const width = (column: number): number => Math.max(...rows.map((row) => (row[column] as string).length))
  const [placeWidth, nameWidth, valueWidth] = [width(0), width(1), width(2)]
  const sorted = rows.sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0))
  const lines = sorted.map(([place = '', name = '', value = '']) =>
    `${place.padEnd(placeWidth)}  ${name.padEnd(nameWidth)}  ${value.padStart(valueWidth)}`.trimStart(),
  )
  return [head, ...told, ...lines].join('\n')
}

function placeOf({ dimensions: { Task, Operator, Parallelism, ShardId } }: Metric): string {
  const subtask = Parallelism === undefined ? undefined : `#${Parallelism}`
  return [Task, Operator, subtask, ShardId].filter((part) => part !== undefined).join(' / ')
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB']

function textOf({ name, unit, value }: Metric): string {
  if (/Watermark$/.test(name)) return new Date(value).toISOString()
  if (unit === 'Percent') return `${value.toFixed(1)} %`
  if (unit === 'Milliseconds') return `${Math.round(value)} ms`
  if (unit === 'Count/Second') return `${value.toFixed(1)} /s`
  if (unit !== 'Bytes') return String(value)
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), BYTES.length - 1)
  return `${power === 0 ? value : (value / 1024 ** power).toFixed(1)} ${BYTES[power]}`
}
