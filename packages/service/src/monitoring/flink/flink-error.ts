import { ApiError } from '../../wire/api-error.ts'

/** 404, as Flink says it. */
export function notFound(message: string): ApiError {
  return new ApiError('ResourceNotFoundException', message, 404)
}

/** 400. */
export function badRequest(message: string): ApiError {
  return new ApiError('InvalidArgumentException', message)
}
