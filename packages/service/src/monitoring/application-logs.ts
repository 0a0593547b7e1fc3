import type { Lifecycle } from '../applications/lifecycle.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import { type LogPart, readAfter, readTail } from './log-reader.ts'

/** `GET /apps/{name}/logs`; names are those of the service model, so that no path is hidden in them. */
const route = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\/logs(?:\?(.*))?$/
const positionPattern = /^\d{1,20}-\d{1,15}$/
const maxTailLines = 10_000
const maxBytes = 1 << 20
const defaultTailLines = 100

/** The header that says where to read on. */
export const logPositionHeader = 'x-millrace-log-position'

/**
 * Applications' logs over HTTP, signed as the API is: `GET /apps/{name}/logs?tail=N` answers with the last lines,
 * `?after=POSITION` with those behind a position, as JSON lines; the next position is in `x-millrace-log-position`.
 * An answer has at most 1 MiB.
 */
export class ApplicationLogs implements ApiService {
  readonly signingName = 'kinesisanalytics'
  readonly #store: Pick<ApplicationStore, 'application'>
  readonly #lifecycle: Pick<Lifecycle, 'logFile'>

  constructor(store: Pick<ApplicationStore, 'application'>, lifecycle: Pick<Lifecycle, 'logFile'>) {
    this.#store = store
    this.#lifecycle = lifecycle
  }

  accepts(method: string, target: string): boolean {
    return method === 'GET' && route.test(target)
  }

  /** Errors: `ResourceNotFoundException`, `InvalidArgumentException`. */
  async handle({ target }: ApiCall): Promise<ApiAnswer> {
    const [, name = '', query = ''] = route.exec(target) ?? []
    const read = reading(new URLSearchParams(query))
    if ((await this.#store.application(name)) === undefined) {
      throw new ApiError('ResourceNotFoundException', `There is no application ${name}.`)
    }
    const { bytes, position } = await read(this.#lifecycle.logFile(name))
    return { status: 200, contentType: 'application/x-ndjson', body: bytes, headers: { [logPositionHeader]: position } }
  }

  describeError(error: { type: string; message: string; status: number }): ApiAnswer {
    const body = JSON.stringify({ __type: error.type, message: error.message })
    const headers = { 'x-amzn-errortype': error.type }
    return { status: error.status, contentType: 'application/x-amz-json-1.1', body, headers }
  }
}

function reading(parameters: URLSearchParams): (file: string) => Promise<LogPart> {
  const after = parameters.get('after')
  if (after !== null) {
    if (after !== '' && !positionPattern.test(after)) throw invalidArgument('after is not a position of a log.')
    return (file) => readAfter(file, after, maxBytes)
  }
  const tail = parameters.get('tail') ?? String(defaultTailLines)
  if (!/^\d{1,5}$/.test(tail) || Number(tail) > maxTailLines) {
    throw invalidArgument(`tail must be a number of lines, at most ${maxTailLines}.`)
  }
  return (file) => readTail(file, Number(tail), maxBytes)
}
