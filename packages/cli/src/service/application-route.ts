import { EngineError } from '@millrace/engine'
import type { ServiceConnection } from './service-connection.ts'

/**
 * Asks for what the service offers of an application besides Amazon's API: a GET of `/apps/NAME` + `path`, or a POST when there
 * is a body. Errors (invalid): `APPLICATION_NAME_INVALID`, the service's by their names.
 */
export async function askApplication(
  connection: Pick<ServiceConnection, 'get' | 'post'>,
  name: string,
  path: string,
  body?: object,
): Promise<Response> {
  if (!/^[\w.-]{1,128}$/.test(name)) throw nameInvalid(name)
  const target = `/apps/${name}${path}`
  const response = await (body === undefined ? connection.get(target) : connection.post(target, body))
  if (response.ok) return response
  throw refused(response.status, parseOrNothing(await response.text()))
}

/** What the service answers with; its monitoring API does so with `errors`, as Flink does. */
interface Refusal {
  readonly __type?: string
  readonly message?: string
  readonly errors?: readonly string[]
}

function refused(status: number, { __type, message, errors = [] }: Refusal): EngineError {
  return new EngineError(__type ?? (status === 404 ? 'ResourceNotFoundException' : 'SERVICE_ANSWER_UNKNOWN'), {
    kind: 'invalid',
    message: message ?? errors[0] ?? `The service answered ${status}.`,
    hint:
      status === 403
        ? 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).'
        : 'millrace apps lists what is there.',
  })
}

function parseOrNothing(body: string): Refusal {
  try {
    return JSON.parse(body) as Refusal
  } catch {
    return {}
  }
}

function nameInvalid(name: string): EngineError {
  return new EngineError('APPLICATION_NAME_INVALID', {
    kind: 'invalid',
    message: `'${name}' is not the name of an application: letters, digits, '_', '.', '-', at most 128.`,
    hint: 'millrace apps lists what is there.',
  })
}
