import { ApiError, validationError } from './api-error.ts'

interface StringRule {
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: RegExp
  readonly oneOf?: readonly string[]
}

interface IntegerRule {
  readonly min?: number
  readonly max?: number
}

/**
 * Reads a decoded request, JSON or CBOR, and answers as AWS does: a member of a wrong type is a
 * `SerializationException`, a broken constraint of the model a `ValidationException`. null counts as absent.
 */
export class RequestFields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #path: string

  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw wrongType(path === '' ? 'request' : path.slice(0, -1), 'a structure')
    }
    this.#values = value as Record<string, unknown>
    this.#path = path
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined
  }

  string(name: string, rule: StringRule = {}): string {
    return this.#required(name, this.optionalString(name, rule))
  }

  optionalString(name: string, rule: StringRule = {}): string | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw wrongType(this.#path + name, 'a string')
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, oneOf } = rule
    if (value.length < minLength) {
      this.#fail(name, value, `Member must have length greater than or equal to ${minLength}`)
    }
    if (value.length > maxLength) this.#fail(name, value, `Member must have length less than or equal to ${maxLength}`)
    if (pattern !== undefined && !pattern.test(value)) {
      this.#fail(name, value, `Member must satisfy regular expression pattern: ${pattern.source}`)
    }
    if (oneOf !== undefined && !oneOf.includes(value)) {
      this.#fail(name, value, `Member must satisfy enum value set: [${oneOf.join(', ')}]`)
    }
    return value
  }

  integer(name: string, rule: IntegerRule = {}): number {
    return this.#required(name, this.optionalInteger(name, rule))
  }

  optionalInteger(name: string, rule: IntegerRule = {}): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(this.#path + name, 'an integer')
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule
    if (value < min) this.#fail(name, value, `Member must have value greater than or equal to ${min}`)
    if (value > max) this.#fail(name, value, `Member must have value less than or equal to ${max}`)
    return value
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.#value(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw wrongType(this.#path + name, 'a boolean')
  }

  /** Bytes: a byte string in CBOR, base64 in JSON. */
  blob(name: string): Buffer {
    const value = this.#value(name)
    if (value === undefined) this.#fail(name, value, 'Member must not be null')
    if (Buffer.isBuffer(value)) return value
    if (typeof value !== 'string') throw wrongType(this.#path + name, 'a blob')
    const bytes = Buffer.from(value, 'base64')
    // Node skips what isn't base64; a different length gives that away without a second pass over the text.
    const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
    if (value.length % 4 !== 0 || bytes.length !== (value.length / 4) * 3 - padding) {
      throw wrongType(this.#path + name, 'base64')
    }
    return bytes
  }

  /** Epoch ms: tagged ms in CBOR, seconds with fraction in JSON. */
  optionalTimestampMs(name: string): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (value instanceof Date) return value.getTime()
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(this.#path + name, 'a timestamp')
    return Math.round(value * 1000)
  }

  optionalStructure(name: string): RequestFields | undefined {
    const value = this.#value(name)
    return value === undefined ? undefined : new RequestFields(value, `${this.#path}${name}.`)
  }

  structure(name: string): RequestFields {
    return this.#required(name, this.optionalStructure(name))
  }

  /** A list of structures. */
  list(name: string, rule: { readonly minLength: number; readonly maxLength: number }): RequestFields[] {
    const value = this.#value(name)
    if (value === undefined) this.#fail(name, value, 'Member must not be null')
    if (!Array.isArray(value)) throw wrongType(this.#path + name, 'a list')
    if (value.length < rule.minLength) {
      this.#fail(
        name,
        `[${value.length} members]`,
        `Member must have length greater than or equal to ${rule.minLength}`,
      )
    }
    if (value.length > rule.maxLength) {
      this.#fail(name, `[${value.length} members]`, `Member must have length less than or equal to ${rule.maxLength}`)
    }
    return value.map((member, i) => new RequestFields(member, `${this.#path}${name}.${i + 1}.member.`))
  }

  optionalStringMap(name: string): Record<string, string> | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    const fields = new RequestFields(value, `${this.#path}${name}.`)
    return Object.fromEntries(Object.keys(value as object).map((key) => [key, fields.string(key)]))
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined
  }

  #required<T>(name: string, value: T | undefined): T {
    if (value === undefined) this.#fail(name, value, 'Member must not be null')
    return value
  }

  #fail(name: string, value: unknown, constraint: string): never {
    throw validationError(this.#path + name, value, constraint)
  }
}

function wrongType(field: string, expected: string): ApiError {
  return new ApiError('SerializationException', `${field} must be ${expected}`)
}
