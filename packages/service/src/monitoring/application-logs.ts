import type { Clock } from '@millrace/engine/spi'
import type { Lifecycle } from '../applications/lifecycle.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import { describeJsonError } from '../wire/json-error.ts'
import { type LogFilter, logFilter } from './log-filter.ts'
import { type LogPart, readAfter, readTail } from './log-reader.ts'
import { type FoundLines, searchAfter, searchLog } from './log-search.ts'

/** `GET /apps/{name}/logs`; names are those of the service model, so that no path is hidden in them. */
const route = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\/logs(?:\?(.*))?$/
const positionPattern = /^\d{1,20}-\d{1,15}$/
const maxTailLines = 10_000
const maxBytes = 1 << 20
const defaultTailLines = 100
/** More than is kept of a log unless its settings say otherwise. */
const maxScannedBytes = 128 << 20
/** They take turns; more that wait are turned away. */
const maxWaitingSearches = 8

/** The header that says where to read on. */
export const logPositionHeader = 'x-millrace-log-position'

/** `true` or `false`: whether all lines that fit are in the answer. */
export const logCompleteHeader = 'x-millrace-log-complete'

/**
 * Applications' logs over HTTP, signed as the API is, as JSON lines. `GET /apps/{name}/logs?tail=N` answers with the last
 * lines, `?after=POSITION` with those behind a position; the next position is in `x-millrace-log-position`. `search`,
 * `level`, `since`, `until` and `field` choose among them, over all files that are kept; then `limit` is how many of the
 * newest that fit are wanted. An answer has at most 1 MiB.
 */
export class ApplicationLogs implements ApiService {
  readonly signingName = 'kinesisanalytics'
  readonly #store: Pick<ApplicationStore, 'application'>
  readonly #lifecycle: Pick<Lifecycle, 'logFile'>
  readonly #clock: Clock
  #searching: Promise<unknown> = Promise.resolve()
  #searches = 0

  constructor(store: Pick<ApplicationStore, 'application'>, lifecycle: Pick<Lifecycle, 'logFile'>, clock: Clock) {
    this.#store = store
    this.#lifecycle = lifecycle
    this.#clock = clock
  }

  accepts(method: string, target: string): boolean {
    return method === 'GET' && route.test(target)
  }

  /** Errors: `ResourceNotFoundException`, `InvalidArgumentException`, `ThrottlingException` (too many searches). */
  async handle({ target }: ApiCall): Promise<ApiAnswer> {
    const [, name = '', query = ''] = route.exec(target) ?? []
    const parameters = new URLSearchParams(query)
    const read = this.#reading(parameters, logFilter(parameters, this.#clock.now()))
    if ((await this.#store.application(name)) === undefined) {
      throw new ApiError('ResourceNotFoundException', `There is no application ${name}.`)
    }
    const { bytes, position, isComplete } = await read(this.#lifecycle.logFile(name))
    const headers = {
      [logPositionHeader]: position,
      ...(isComplete === undefined ? {} : { [logCompleteHeader]: String(isComplete) }),
    }
    return { status: 200, contentType: 'application/x-ndjson', body: bytes, headers }
  }

  #reading(parameters: URLSearchParams, filter: LogFilter | undefined): Reading {
    const after = parameters.get('after')
    if (after !== null) {
      if (after !== '' && !positionPattern.test(after)) throw invalidArgument('after is not a position of a log.')
      if (filter === undefined) return (file) => readAfter(file, after, maxBytes)
      return (file) => searchAfter(file, after, filter, maxBytes)
    }
    if (filter === undefined) {
      const lines = numberOfLines(parameters, 'tail')
      return (file) => readTail(file, lines, maxBytes)
    }
    const lines = numberOfLines(parameters, 'limit')
    return (file) => this.#inTurn(() => searchLog(file, filter, { lines, maxBytes, maxScannedBytes }))
  }

  /** One search at a time: each reads all that is kept of a log, in the process that serves everybody. */
  #inTurn(search: () => Promise<FoundLines>): Promise<FoundLines> {
    if (this.#searches >= maxWaitingSearches) {
      throw new ApiError('ThrottlingException', 'Other logs are being searched. Try again.', 429)
    }
    this.#searches++
    const found = this.#searching.then(search).finally(() => void this.#searches--)
    this.#searching = found.catch(() => {})
    return found
  }

  readonly describeError = describeJsonError
}

type Reading = (file: string) => Promise<LogPart & { readonly isComplete?: boolean }>

function numberOfLines(parameters: URLSearchParams, name: 'tail' | 'limit'): number {
  const text = parameters.get(name) ?? String(defaultTailLines)
  if (/^\d{1,5}$/.test(text) && Number(text) <= maxTailLines) return Number(text)
  throw invalidArgument(`${name} must be a number of lines, at most ${maxTailLines}.`)
}
