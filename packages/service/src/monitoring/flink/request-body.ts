import { badRequest } from './flink-error.ts'
import type { FlinkRequest } from './flink-request.ts'

/** The JSON object that was sent; nothing is an empty one. Errors: 400. */
export function requestBody({ body }: FlinkRequest): Readonly<Record<string, unknown>> {
  const text = body.toString().trim()
  if (text === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badRequest('The request body is not JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badRequest('The request body is not a JSON object.')
}

/** The id that the client chose. Errors: 400. */
export function triggerIdOf({ triggerId }: Readonly<Record<string, unknown>>): string | undefined {
  if (triggerId === undefined || triggerId === null) return undefined
  if (typeof triggerId === 'string' && /^[0-9a-f]{32}$/i.test(triggerId)) return triggerId.toLowerCase()
  throw badRequest('triggerId must be 32 hex digits.')
}
