import type { IncomingHttpHeaders } from 'node:http'
import type { Scheduler } from '@millrace/engine/spi'
import type { ApiAnswer, ApiCall, ApiService, ErrorContext } from '../wire/api-service.ts'
import { forwardedHeader, forwardRequest } from './forward.ts'
import type { Ownership } from './ownership.ts'

const route = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\//

/**
 * Requests that concern a running job, below `/apps/{name}/`, are answered by the node that runs it: here by `inner`,
 * elsewhere by passing them on once. Without a node that runs it `inner` answers.
 */
export class ForwardingService implements ApiService {
  readonly signingName: string
  readonly maxBodyBytes?: number
  readonly #inner: ApiService
  readonly #ownership: Pick<Ownership, 'remoteUrl'>
  readonly #nodeId: string
  readonly #scheduler: Scheduler

  constructor(inner: ApiService, ownership: Pick<Ownership, 'remoteUrl'>, nodeId: string, scheduler: Scheduler) {
    this.#inner = inner
    this.#ownership = ownership
    this.#nodeId = nodeId
    this.#scheduler = scheduler
    this.signingName = inner.signingName
    if (inner.maxBodyBytes !== undefined) this.maxBodyBytes = inner.maxBodyBytes
  }

  accepts(method: string, target: string, headers: IncomingHttpHeaders): boolean {
    return this.#inner.accepts(method, target, headers)
  }

  isUnsigned(method: string, target: string): boolean {
    return this.#inner.isUnsigned?.(method, target) === true
  }

  async handle(call: ApiCall): Promise<ApiAnswer | undefined> {
    const name = route.exec(call.target)?.[1]
    if (name === undefined || call.headers[forwardedHeader] !== undefined) return this.#inner.handle(call)
    const url = await this.#ownership.remoteUrl(name)
    return url === undefined ? this.#inner.handle(call) : forwardRequest(call, url, this.#nodeId, this.#scheduler)
  }

  describeError(error: { type: string; message: string; status: number }, call: ErrorContext): ApiAnswer {
    return this.#inner.describeError(error, call)
  }
}
