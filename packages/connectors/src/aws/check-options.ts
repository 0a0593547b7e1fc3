import { EngineError } from '@millrace/engine/spi'

/** Says what is wrong with a value, or nothing. `path` names it in messages of nested checks, which may throw themselves. */
export type OptionCheck = (value: unknown, path: string) => string | undefined

/** One check an option: the table that says which options there are. */
export type OptionChecks<O> = { readonly [K in keyof Required<O>]: OptionCheck }

/** Accepts a missing value. */
export const optional =
  (check: OptionCheck): OptionCheck =>
  (value, path) =>
    value === undefined ? undefined : check(value, path)

export const text: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a non-empty string'

export const flag: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')

export const oneOf =
  (...values: readonly string[]): OptionCheck =>
  (value) =>
    values.includes(value as string) ? undefined : `must be one of ${values.map((v) => `'${v}'`).join(', ')}`

/** A whole number from `min` to `max`. */
export const whole =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): OptionCheck =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : max === Number.MAX_SAFE_INTEGER
        ? `must be a whole number of at least ${min}`
        : `must be a whole number from ${min} to ${max}`

/**
 * Checks an options object against its table. An unknown key is an error that lists the near names.
 *
 * @param path how messages call the object: `kinesis source`, `kinesis source option 'aws'`
 * @throws `OPTION_UNKNOWN`, `OPTION_INVALID`
 */
export function checkOptions<O>(path: string, options: unknown, checks: OptionChecks<O>): undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new EngineError('OPTION_INVALID', { kind: 'invalid', message: `${path} must be an object of options.` })
  }
  const known = Object.keys(checks)
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption(path, key, known)
  for (const key of known) {
    const problem = checks[key as keyof O]((options as Record<string, unknown>)[key], `${path} option '${key}'`)
    if (problem === undefined) continue
    throw new EngineError('OPTION_INVALID', {
      kind: 'invalid',
      message: `${path}: option '${key}' ${problem}.`,
      details: { option: key },
    })
  }
  return undefined
}

function unknownOption(path: string, key: string, known: readonly string[]): EngineError {
  const near = known.filter((name) => isNear(name.toLowerCase(), key.toLowerCase()))
  return new EngineError('OPTION_UNKNOWN', {
    kind: 'invalid',
    message: `${path} has no option '${key}'.`,
    hint:
      near.length > 0
        ? `Did you mean ${near.map((n) => `'${n}'`).join(' or ')}?`
        : `The options are ${known.join(', ')}.`,
    details: { option: key, near },
  })
}

function isNear(name: string, key: string): boolean {
  return editDistance(name, key) <= Math.max(2, Math.floor(name.length / 4)) || name.includes(key) || key.includes(name)
}

/** Levenshtein distance, by rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1))
    }
    previous = row
  }
  return previous[b.length]!
}
