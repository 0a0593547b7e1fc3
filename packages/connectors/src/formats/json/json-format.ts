import { TextDecoder } from 'node:util'
import { EngineError, type Format } from '@millrace/engine/spi'
import { findJsonError } from './find-json-error.ts'
import { findUnencodable } from './find-unencodable.ts'

/** The part of the Standard Schema interface (standardschema.dev, version 1) that is used: Zod, Valibot, ArkType have it. */
export interface StandardSchema<out T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>
  }
}

type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/** Options of the `json` format: one of the two, or neither to take every JSON value as a `T`. */
export interface JsonOptions<T> {
  /** Checks and makes the value; throws an error whose message is the reason when it isn't one. */
  readonly validate?: (value: unknown) => T
  readonly schema?: StandardSchema<T>
}

/**
 * JSON in UTF-8 (RFC 8259).
 *
 * Decode throws `RECORD_MALFORMED` (invalid): bytes that aren't UTF-8 or not JSON, with the position, or a value that is
 * refused; messages never hold the record's contents. Encode throws `VALUE_NOT_ENCODABLE` (application) naming the path of
 * what JSON can't hold: a bigint, a cycle, a function.
 */
export function json<T = unknown>(options: JsonOptions<T> = {}): Format<T> {
  const { schema, validate = schema === undefined ? (value: unknown) => value as T : bySchema(schema) } = options
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return {
    name: 'json',
    decode(bytes) {
      const value = parse(decodeText(decoder, bytes))
      return accepted(validate, value)
    },
    encode(value) {
      // Buffer.from takes 70 ns for a short text where TextEncoder.encode takes 800 (Node 20).
      return Buffer.from(stringify(value))
    },
  }
}

function decodeText(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw malformed(`isn't UTF-8 at byte ${firstInvalidByte(bytes)}`, error)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // V8's message quotes the record and often has no position, so it isn't kept as the cause either.
    const { offset, problem } = findJsonError(text) ?? { offset: 0, problem: 'not JSON' }
    throw malformed(`isn't JSON at character ${offset} of ${text.length}: ${problem}`)
  }
}

function accepted<T>(validate: (value: unknown) => T, value: unknown): T {
  try {
    return validate(value)
  } catch (error) {
    throw malformed(`was refused: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

function bySchema<T>(schema: StandardSchema<T>): (value: unknown) => T {
  return (value) => {
    const result = schema['~standard'].validate(value)
    if (result instanceof Promise) throw new Error('the schema validates asynchronously, which a format can’t')
    if (result.issues === undefined) return result.value
    const issues = result.issues.slice(0, 3).map(({ path, message }) => `${pathText(path)}${message}`)
    throw new Error(issues.join('; '))
  }
}

function pathText(path: readonly unknown[] = []): string {
  const keys = path.map((step) => (typeof step === 'object' && step !== null && 'key' in step ? step.key : step))
  return keys.length === 0 ? '' : `${keys.map(String).join('.')}: `
}

function malformed(problem: string, cause?: unknown): EngineError {
  return new EngineError('RECORD_MALFORMED', {
    kind: 'invalid',
    message: `The record ${problem}.`,
    hint: "Fix the producer, or let the source skip such records: malformed: 'skip' or 'dead-letter'.",
    cause,
  })
}

function stringify(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw notEncodable(value, error)
  }
  if (text === undefined) throw notEncodable(value)
  return text
}

function notEncodable(value: unknown, cause?: unknown): EngineError {
  const { path, what } = findUnencodable(value) ?? { path: 'the value', what: 'something toJSON refused' }
  return new EngineError('VALUE_NOT_ENCODABLE', {
    kind: 'application',
    message: `${path} is ${what}, which JSON can't hold.`,
    hint: 'Map the record first, for instance to a Number or String of a bigint.',
    details: { path },
    cause,
  })
}

/** Where UTF-8 ends to be valid; only called for bytes that aren't, so speed doesn't matter. */
function firstInvalidByte(bytes: Uint8Array): number {
  let valid = 0
  let invalid = bytes.length
  while (valid < invalid) {
    const middle = Math.ceil((valid + invalid) / 2)
    if (decodesSoFar(bytes.subarray(0, middle))) valid = middle
    else invalid = middle - 1
  }
  return valid
}

function decodesSoFar(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}
