import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ServiceModel, Shape } from './model.ts'

interface Walk {
  readonly model: ServiceModel
  /** Broken constraints so far, each in AWS's wording. */
  readonly failures: string[]
}

/** More broken constraints than these aren't told. */
const MAX_FAILURES = 10
const patterns = new Map<string, RegExp>()

/**
 * Checks a decoded JSON value against a shape of a model. Returns it with blobs as Buffers and without members that are
 * null. A member that the model doesn't know is refused: it may be one of a newer model that changes what is asked for.
 * Errors: `SerializationException` (a value of a wrong JSON type), `InvalidArgumentException` naming every broken
 * constraint by its path.
 */
export function validate(model: ServiceModel, shapeName: string, value: unknown): unknown {
  const walk: Walk = { model, failures: [] }
  const checked = check(walk, shapeName, value, '')
  const { failures } = walk
  if (failures.length === 0) return checked
  const told = failures.slice(0, MAX_FAILURES).join('; ')
  throw invalidArgument(
    `${failures.length} validation error${failures.length === 1 ? '' : 's'} detected: ${told}` +
      (failures.length > MAX_FAILURES ? `; and ${failures.length - MAX_FAILURES} more` : ''),
  )
}

function check(walk: Walk, shapeName: string, value: unknown, path: string): unknown {
  const shape = walk.model.shapes[shapeName]!
  switch (shape.type) {
    case 'structure':
      return checkStructure(walk, shape, value, path)
    case 'list':
      return checkList(walk, shape, value, path)
    case 'map':
      return checkMap(walk, shape, value, path)
    case 'string':
      return checkString(walk, shape, value, path)
    case 'integer':
    case 'long':
      return checkInteger(walk, shape, value, path)
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(path, 'a boolean')
      return value
    case 'timestamp':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(path, 'a number of seconds')
      return value
    case 'blob':
      return checkBlob(walk, shape, value, path)
  }
}

function checkStructure(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  const values = asObject(value, path, 'a structure')
  const { members = {}, required = [] } = shape
  const checked: Record<string, unknown> = {}
  for (const name of required) {
    if (memberOf(values, name) === undefined) fail(walk, 'null', below(path, name), 'Member must not be null')
  }
  for (const name of Object.keys(values)) {
    const member = memberOf(values, name)
    if (member === undefined) continue
    const memberShape = Object.hasOwn(members, name) ? members[name] : undefined
    if (memberShape === undefined) {
      walk.failures.push(`'${below(path, name).slice(0, 256)}' is not a member that is known here`)
    } else checked[name] = check(walk, memberShape, member, below(path, name))
  }
  return checked
}

function checkList(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  if (!Array.isArray(value)) throw wrongType(path, 'a list')
  if (!checkLength(walk, shape, value.length, `[${value.length} members]`, path)) return value
  return value.map((member, i) => check(walk, shape.member!, member, `${path}.${i + 1}.member`))
}

function checkMap(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  const values = asObject(value, path, 'a map')
  const keys = Object.keys(values)
  if (!checkLength(walk, shape, keys.length, `{${keys.length} members}`, path)) return value
  const entries = keys.map((key) => [
    check(walk, shape.key!, key, `${path}.key`),
    check(walk, shape.value!, values[key], `${path}.${key.slice(0, 128)}`),
  ])
  return Object.fromEntries(entries)
}

function checkString(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  if (typeof value !== 'string') throw wrongType(path, 'a string')
  if (!checkLength(walk, shape, value.length, value, path)) return value
  if (shape.pattern !== undefined && !patternOf(shape.pattern).test(value)) {
    fail(walk, value, path, `Member must satisfy regular expression pattern: ${shape.pattern}`)
  }
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    fail(walk, value, path, `Member must satisfy enum value set: [${shape.enum.join(', ')}]`)
  }
  return value
}

function checkInteger(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongType(path, 'an integer')
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = shape
  if (value < min) fail(walk, value, path, `Member must have value greater than or equal to ${min}`)
  if (value > max) fail(walk, value, path, `Member must have value less than or equal to ${max}`)
  return value
}

function checkBlob(walk: Walk, shape: Shape, value: unknown, path: string): unknown {
  if (Buffer.isBuffer(value)) return value
  if (typeof value !== 'string') throw wrongType(path, 'a blob')
  const bytes = Buffer.from(value, 'base64')
  // Node skips what isn't base64; a different length gives that away without a second pass over the text.
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
  if (value.length % 4 !== 0 || bytes.length !== (value.length / 4) * 3 - padding) throw wrongType(path, 'base64')
  checkLength(walk, shape, bytes.length, `[${bytes.length} bytes]`, path)
  return bytes
}

/** False when the length is out of bounds: what is too long isn't looked at any further. */
function checkLength(walk: Walk, { min = 0, max }: Shape, length: number, shown: string, path: string): boolean {
  if (length < min) fail(walk, shown, path, `Member must have length greater than or equal to ${min}`)
  if (max !== undefined && length > max) fail(walk, shown, path, `Member must have length less than or equal to ${max}`)
  return length >= min && (max === undefined || length <= max)
}

function fail({ failures }: Walk, value: string | number, path: string, constraint: string): void {
  failures.push(`Value '${String(value).slice(0, 256)}' at '${path}' failed to satisfy constraint: ${constraint}`)
}

function asObject(value: unknown, path: string, expected: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value)) {
    throw wrongType(path, expected)
  }
  return value as Record<string, unknown>
}

/** A member's value; null is none. */
function memberOf(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined
}

/** A member's path as AWS tells it: each name begins with a small letter. */
function below(path: string, name: string): string {
  const shown = `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`
  return path === '' ? shown : `${path}.${shown}`
}

function patternOf(source: string): RegExp {
  let pattern = patterns.get(source)
  if (pattern === undefined) {
    pattern = new RegExp(`^(?:${source})$`)
    patterns.set(source, pattern)
  }
  return pattern
}

function wrongType(path: string, expected: string): ApiError {
  return new ApiError('SerializationException', `${path === '' ? 'The request' : `'${path}'`} must be ${expected}.`)
}
