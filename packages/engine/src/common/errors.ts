/**
 * What the engine does about an error.
 *
 * - `invalid`: the request, option or graph is wrong; fix it. Never retried.
 * - `unavailable`: something outside failed; retry or restart from the last checkpoint.
 * - `fenced`: a newer owner exists; stop at once and commit nothing more.
 * - `corrupt`: stored data isn't what we wrote; stop loudly.
 * - `application`: user code threw; restart by the restart strategy.
 * - `bug`: ours; stop loudly.
 */
export type ErrorKind = 'invalid' | 'unavailable' | 'fenced' | 'corrupt' | 'application' | 'bug'

/** The parts of an `EngineError` besides its code. `details` must be plain, serializable data without secrets. */
export interface ErrorParts {
  readonly kind: ErrorKind
  readonly message: string
  readonly hint?: string | undefined
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

/** An `EngineError` as plain data: how it crosses threads and process boundaries. */
export interface SerializedError {
  readonly code: string
  readonly kind: ErrorKind
  readonly message: string
  readonly hint?: string | undefined
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly stack?: string | undefined
  readonly cause?: SerializedError | undefined
}

/** Every failure the engine reports: a stable code, what to do about it, and where it happened. */
export class EngineError extends Error {
  readonly code: string
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.name = 'EngineError'
    this.code = code
    this.kind = parts.kind
    this.hint = parts.hint
    this.details = parts.details ?? {}
  }
}

/** Throws a `bug` when the condition doesn't hold: for what can't happen. */
export function invariant(condition: unknown, message: string, details?: Record<string, unknown>): asserts condition {
  if (!condition) throw new EngineError('INVARIANT_VIOLATED', { kind: 'bug', message, details })
}

/** Ends every `switch` over a union: a new member is then a compile error at each place that must learn it. */
export function assertNever(value: never): never {
  throw new EngineError('INVARIANT_VIOLATED', { kind: 'bug', message: `unexpected value ${JSON.stringify(value)}` })
}

/** The error as an `EngineError`: itself, one of another copy of this package restored, or any other wrapped as `kind`. */
export function asEngineError(error: unknown, kind: ErrorKind = 'application'): EngineError {
  if (error instanceof EngineError) return error
  if (isEngineErrorLike(error)) return restoreEngineError(error)
  const wrapped = new EngineError(kind === 'application' ? 'APPLICATION_ERROR' : 'UNEXPECTED_ERROR', {
    kind,
    message: error instanceof Error ? error.message : String(error),
    cause: error,
  })
  if (error instanceof Error && error.stack !== undefined) wrapped.stack = error.stack
  return wrapped
}

export function serializeError(error: unknown): SerializedError {
  const e = asEngineError(error)
  const cause = e.cause instanceof Error && e.cause.message !== e.message ? serializeError(e.cause) : undefined
  const { code, kind, message, hint, details, stack } = e
  return { code, kind, message, hint, details, stack, cause }
}

export function restoreEngineError(data: SerializedError): EngineError {
  const { code, kind, message, hint, details } = data
  const cause = data.cause === undefined ? undefined : restoreEngineError(data.cause)
  const error = new EngineError(code, { kind, message, hint, details, cause })
  if (data.stack !== undefined) error.stack = data.stack
  return error
}

const kinds: readonly string[] = ['invalid', 'unavailable', 'fenced', 'corrupt', 'application', 'bug']

function isEngineErrorLike(error: unknown): error is SerializedError {
  if (typeof error !== 'object' || error === null) return false
  const { code, kind, message } = error as Partial<SerializedError>
  return typeof code === 'string' && typeof message === 'string' && typeof kind === 'string' && kinds.includes(kind)
}
