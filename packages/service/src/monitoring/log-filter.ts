import { invalidArgument } from '../wire/api-error.ts'

/** Which lines of a log are wanted. Everything given must hold. */
export interface LogFilter {
  /** Occurs in a text of the line, as it is: no pattern, for patterns of strangers can take for ever. */
  readonly text: string | undefined
  /** Of this level or a more severe one. */
  readonly level: LogLevelName | undefined
  /** Epoch ms, inclusive. */
  readonly sinceMs: number | undefined
  /** Epoch ms, exclusive. */
  readonly untilMs: number | undefined
  /** A field of the line, or one below `fields`, has this value. */
  readonly fields: readonly { readonly name: string; readonly value: string }[]
}

const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const
type LogLevelName = (typeof levels)[number]

const maxTextCharacters = 1024
const maxFields = 8
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads `search`, `level`, `since`, `until` and `field` (`name:value`, several times) of a query; undefined when none is
 * there. Times are ISO 8601, or ages such as `90s`, `10m`, `2h`, `1d`. Errors: `InvalidArgumentException`.
 */
export function logFilter(parameters: URLSearchParams, nowMs: number): LogFilter | undefined {
  const names = ['search', 'level', 'since', 'until', 'field']
  if (!names.some((name) => parameters.has(name))) return undefined
  const text = parameters.get('search') ?? undefined
  if (text !== undefined && (text === '' || text.length > maxTextCharacters)) {
    throw invalidArgument(`search must be a text of at most ${maxTextCharacters} characters.`)
  }
  const fields = parameters.getAll('field').map(fieldOf)
  if (fields.length > maxFields) throw invalidArgument(`There may be ${maxFields} field parameters.`)
  return {
    text,
    level: levelOf(parameters.get('level')),
    sinceMs: timeOf('since', parameters.get('since'), nowMs),
    untilMs: timeOf('until', parameters.get('until'), nowMs),
    fields,
  }
}

function levelOf(text: string | null): LogLevelName | undefined {
  if (text === null) return undefined
  const level = levels.find((name) => name === text.toUpperCase())
  if (level === undefined) throw invalidArgument(`level must be one of ${levels.join(', ')}.`)
  return level
}

function timeOf(name: string, text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined
  const age = /^(\d{1,6})([smhd])$/.exec(text)
  if (age !== null) return nowMs - Number(age[1]) * unitMs[age[2]!]!
  const isDate = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)
  const timeMs = isDate ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(timeMs)) return timeMs
  throw invalidArgument(`${name} must be a time as 2026-01-31T12:00:00Z or an age as 90s, 10m, 2h, 1d.`)
}

function fieldOf(text: string): { name: string; value: string } {
  const colon = text.indexOf(':')
  if (colon > 0 && text.length <= maxTextCharacters) return { name: text.slice(0, colon), value: text.slice(colon + 1) }
  throw invalidArgument(`field must be name:value, of at most ${maxTextCharacters} characters.`)
}

/** A line that fits, or whose time tells that no older one can. */
export type LineVerdict = 'fits' | 'other' | 'older'

type Line = Readonly<Record<string, unknown>>

/** Looks at lines one by one. Most are turned away by their bytes, without being parsed. */
export class LineMatcher {
  readonly #filter: LogFilter
  readonly #needles: readonly Buffer[]

  constructor(filter: LogFilter) {
    this.#filter = filter
    // A text is in a line's bytes as JSON writes it.
    const texts = [filter.text, ...filter.fields.map(({ value }) => value)]
    this.#needles = texts.flatMap((text) =>
      text === undefined ? [] : [Buffer.from(JSON.stringify(text).slice(1, -1))],
    )
  }

  verdict(bytes: Buffer): LineVerdict {
    const { sinceMs } = this.#filter
    if (sinceMs !== undefined) {
      const timestampMs = timestampOf(bytes)
      if (timestampMs !== undefined && timestampMs < sinceMs) return 'older'
    }
    if (!this.#needles.every((needle) => bytes.includes(needle))) return 'other'
    const line = parseOrNothing(bytes)
    return line !== undefined && this.#fits(line) ? 'fits' : 'other'
  }

  #fits(line: Line): boolean {
    const { text, level, untilMs, fields } = this.#filter
    if (level !== undefined && severity(line['messageType']) < levels.indexOf(level)) return false
    if (untilMs !== undefined && !(Date.parse(String(line['timestamp'])) < untilMs)) return false
    if (!fields.every(({ name, value }) => hasField(line, name, value))) return false
    return text === undefined || holdsText(line, text)
  }
}

/** Every line begins with it; undefined for one that doesn't. */
function timestampOf(bytes: Buffer): number | undefined {
  const timeMs = Date.parse(bytes.toString('latin1', 14, 38))
  return Number.isNaN(timeMs) ? undefined : timeMs
}

function severity(messageType: unknown): number {
  return levels.indexOf(messageType as LogLevelName)
}

function hasField(line: Line, name: string, value: string): boolean {
  const own = Object.hasOwn(line, name) ? line[name] : undefined
  const below = line['fields'] as Line | undefined
  const found = own ?? (below !== undefined && Object.hasOwn(below, name) ? below[name] : undefined)
  return (typeof found === 'string' ? found : JSON.stringify(found)) === value
}

function holdsText(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value.includes(text)
  if (typeof value === 'object' && value !== null) return Object.values(value).some((one) => holdsText(one, text))
  return value !== null && String(value).includes(text)
}

/** A line that was cut when the disk was full is passed over. */
function parseOrNothing(bytes: Buffer): Line | undefined {
  try {
    return JSON.parse(bytes.toString()) as Line
  } catch {
    return undefined
  }
}
