import { asEngineError, type Clock, type Random } from '@millrace/engine/spi'
import type { ApplicationStore } from '../../storage/application-store.ts'
import { ApiError } from '../../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../../wire/api-service.ts'
import { notFound } from './flink-error.ts'
import type { FlinkAnswer, FlinkContext, MonitoredLifecycle } from './flink-request.ts'
import { hibernatedJob } from './hibernated-job.ts'
import { type FlinkAction, findRoute } from './routes.ts'
import { Triggers } from './triggers.ts'

/** Names are those of the service model, so that no path is hidden in them. */
const target = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\/flink(\/[^?]*)(?:\?(.*))?$/
const methods = ['GET', 'POST', 'PATCH', 'PUT']

/** What the service is made of. */
export interface FlinkServiceParts {
  readonly store: Pick<ApplicationStore, 'application' | 'operation' | 'latestSnapshot'>
  readonly lifecycle: MonitoredLifecycle
  readonly clock: Clock
  readonly random: Random
}

/**
 * Flink's REST API of each application's newest job, below `/apps/{name}/flink`: what tools that read Flink's read.
 * Paths, members and errors are those of Flink 2; docs/reference/monitoring-api.md tells what is left out.
 */
export class FlinkService implements ApiService {
  readonly signingName = 'kinesisanalytics'
  readonly maxBodyBytes = 1 << 20
  readonly #context: FlinkContext

  constructor(parts: FlinkServiceParts) {
    this.#context = { ...parts, triggers: new Triggers() }
  }

  accepts(method: string, path: string): boolean {
    return methods.includes(method) && target.test(path)
  }

  /** Errors: Flink's statuses, as `ApiError`. */
  async handle({ method, target: asked, body }: ApiCall): Promise<ApiAnswer> {
    const [, name = '', path = '/', query = ''] = target.exec(asked) ?? []
    const found = findRoute(method, path)
    if (found === undefined) throw notFound(`Not found: ${path}`)
    const application = await this.#context.store.application(name)
    if (application === undefined) throw notFound(`There is no application ${name}.`)
    const inspection = this.#context.lifecycle.inspect?.(name) ?? hibernatedJob(application)
    const request = {
      context: this.#context,
      application,
      inspection,
      path: found.parameters.map(decoded),
      query: new URLSearchParams(query),
      body,
    }
    return toAnswer(await found.route.handle(request).catch((error) => Promise.reject(asAnswered(error))))
  }

  describeError({ message, status }: { type: string; message: string; status: number }): ApiAnswer {
    return { status, contentType, body: JSON.stringify({ errors: [message] }), headers: notToBeKept }
  }
}

const contentType = 'application/json; charset=UTF-8'
const notToBeKept = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** What a request needs the right to, on which application. Paths that aren't known ask for reading only. */
export function actionOf(
  method: string,
  path: string,
): { readonly action: FlinkAction; readonly applicationName: string } | undefined {
  const [, applicationName, below = '/'] = target.exec(path) ?? []
  if (applicationName === undefined || !methods.includes(method)) return undefined
  const unknown = method === 'GET' ? 'millrace:ReadMonitoring' : 'millrace:ControlJob'
  return { applicationName, action: findRoute(method, below)?.route.action ?? unknown }
}

/** A job that can't do it now is no failure of ours. */
function asAnswered(error: unknown): unknown {
  if (error instanceof ApiError) return error
  const { code, kind, message } = asEngineError(error, 'bug')
  if (code === 'NOT_RUNNING' || kind === 'invalid') return new ApiError(code, message, 409)
  return error
}

function toAnswer(answer: FlinkAnswer): ApiAnswer {
  if ('text' in answer) {
    const { text, contentType, headers } = answer
    return { status: 200, contentType, body: text, headers: { ...notToBeKept, ...headers } }
  }
  return { status: answer.status ?? 200, contentType, body: JSON.stringify(answer.json), headers: notToBeKept }
}

/** Errors: 404, for what no name is. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw notFound(`Not found: ${value}`)
  }
}
