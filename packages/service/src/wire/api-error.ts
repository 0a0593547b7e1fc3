/** An error answer of an AWS API: part of the contract with the client, not a failure of ours. */
export class ApiError extends Error {
  /** The error's name as the client's SDK knows it. */
  readonly type: string
  readonly status: number

  constructor(type: string, message: string, status = 400) {
    super(message)
    this.name = 'ApiError'
    this.type = type
    this.status = status
  }
}

/** A rule of the operation is broken. */
export function invalidArgument(message: string): ApiError {
  return new ApiError('InvalidArgumentException', message)
}

/** A constraint of the service model is broken. */
export function validationError(field: string, value: unknown, constraint: string): ApiError {
  const shown = typeof value === 'string' ? value.slice(0, 256) : value === undefined ? 'null' : String(value)
  return new ApiError(
    'ValidationException',
    `1 validation error detected: Value '${shown}' at '${field[0]!.toLowerCase()}${field.slice(1)}' ` +
      `failed to satisfy constraint: ${constraint}`,
  )
}
