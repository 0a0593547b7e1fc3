import type { ConditionKeys } from './condition-keys.ts'
import { parseIpRange, plainAddress } from './ip-range.ts'
import type { Pattern } from './pattern.ts'

type Test = (value: string, keys: ConditionKeys) => boolean

/** How an operator compares one value of a request with one of a policy. */
export interface Operator {
  /** True when it holds if none of the policy's values fits. */
  readonly negated: boolean
  /** Whether `*` and `?` in the policy's value are wildcards. */
  readonly wildcards: boolean
  /** Errors: a `SyntaxError` when the policy's value isn't one for this operator. */
  compile(text: string, pattern: Pattern): Test
}

const equal = (_text: string, pattern: Pattern): Test => {
  return (value, keys) => pattern.literal(keys) === value
}
const equalIgnoringCase = (_text: string, pattern: Pattern): Test => {
  return (value, keys) => pattern.literal(keys)?.toLowerCase() === value.toLowerCase()
}
const like = (_text: string, pattern: Pattern): Test => {
  return (value, keys) => pattern.matches(value, keys) === true
}

/** `*` in an ARN's first five parts reaches over colons in IAM too, so it is one pattern; a value must be an ARN. */
const arnLike = (text: string, pattern: Pattern): Test => {
  if (text.split(':').length < 6) throw new SyntaxError(`'${text}' is not an ARN`)
  return (value, keys) => value.split(':').length >= 6 && pattern.matches(value, keys) === true
}

const ipAddress = (text: string): Test => {
  const range = parseIpRange(text)
  if (range === undefined) throw new SyntaxError(`'${text}' is not an IP address or range`)
  return (value) => range.contains(plainAddress(value))
}

const bool = (text: string): Test => {
  const wanted = text.toLowerCase()
  if (wanted !== 'true' && wanted !== 'false') throw new SyntaxError(`'${text}' is not true or false`)
  return (value) => value.toLowerCase() === wanted
}

function ordered(parse: (text: string) => number, what: string, holds: (value: number, limit: number) => boolean) {
  return (text: string): Test => {
    const limit = parse(text)
    if (Number.isNaN(limit)) throw new SyntaxError(`'${text}' is not ${what}`)
    return (value) => holds(parse(value), limit)
  }
}

const numberOf = (text: string): number => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN)

/** ISO 8601 with a zone, a day alone, or seconds since 1970. */
function dateOf(text: string): number {
  if (/^-?\d{1,11}$/.test(text)) return Number(text) * 1000
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  return isDate ? Date.parse(text) : Number.NaN
}

const comparisons: readonly (readonly [string, (value: number, limit: number) => boolean])[] = [
  ['Equals', (value, limit) => value === limit],
  ['LessThan', (value, limit) => value < limit],
  ['LessThanEquals', (value, limit) => value <= limit],
  ['GreaterThan', (value, limit) => value > limit],
  ['GreaterThanEquals', (value, limit) => value >= limit],
]

function entry(name: string, compile: Operator['compile'], { negated = false, wildcards = false } = {}) {
  return [name, { negated, wildcards, compile }] as const
}

/** IAM's condition operators by name, without qualifiers. `Null` looks at a key, not at values: see `condition.ts`. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  entry('StringEquals', equal),
  entry('StringNotEquals', equal, { negated: true }),
  entry('StringEqualsIgnoreCase', equalIgnoringCase),
  entry('StringNotEqualsIgnoreCase', equalIgnoringCase, { negated: true }),
  entry('StringLike', like, { wildcards: true }),
  entry('StringNotLike', like, { negated: true, wildcards: true }),
  entry('ArnEquals', arnLike, { wildcards: true }),
  entry('ArnLike', arnLike, { wildcards: true }),
  entry('ArnNotEquals', arnLike, { negated: true, wildcards: true }),
  entry('ArnNotLike', arnLike, { negated: true, wildcards: true }),
  entry('IpAddress', ipAddress),
  entry('NotIpAddress', ipAddress, { negated: true }),
  entry('Bool', bool),
  ...comparisons.map(([name, holds]) => entry(`Numeric${name}`, ordered(numberOf, 'a number', holds))),
  entry('NumericNotEquals', ordered(numberOf, 'a number', Object.is), { negated: true }),
  ...comparisons.map(([name, holds]) => entry(`Date${name}`, ordered(dateOf, 'a date', holds))),
  entry('DateNotEquals', ordered(dateOf, 'a date', Object.is), { negated: true }),
])
