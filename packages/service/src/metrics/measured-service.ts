import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '@millrace/engine/spi'
import type { RequestOrigin } from '../access/call-access.ts'
import type { Identity } from '../access/principal.ts'
import type { ApiAnswer, ApiCall, ApiService, ErrorContext } from '../wire/api-service.ts'
import type { RequestMetrics } from './request-metrics.ts'

/** The same service, with every request counted and timed. */
export class MeasuredService implements ApiService {
  readonly signingName: string
  readonly maxBodyBytes?: number
  readonly #service: ApiService
  readonly #metrics: RequestMetrics
  readonly #clock: Clock

  constructor(service: ApiService, metrics: RequestMetrics, clock: Clock) {
    this.signingName = service.signingName
    if (service.maxBodyBytes !== undefined) this.maxBodyBytes = service.maxBodyBytes
    this.#service = service
    this.#metrics = metrics
    this.#clock = clock
  }

  accepts(method: string, target: string, headers: IncomingHttpHeaders): boolean {
    return this.#service.accepts(method, target, headers)
  }

  isUnsigned(method: string, target: string): boolean {
    return this.#service.isUnsigned?.(method, target) === true
  }

  identify(headers: IncomingHttpHeaders, origin: RequestOrigin): Promise<Identity> | undefined {
    return this.#service.identify?.(headers, origin)
  }

  async handle(call: ApiCall): Promise<ApiAnswer | undefined> {
    const operation = this.#operationOf(call.headers)
    const startedMs = this.#clock.monotonicMs()
    try {
      const answer = await this.#service.handle(call)
      this.#metrics.succeeded(operation, answer?.status ?? 200)
      return answer
    } finally {
      this.#metrics.took(operation, this.#clock.monotonicMs() - startedMs)
    }
  }

  describeError(error: { type: string; message: string; status: number }, context: ErrorContext): ApiAnswer {
    this.#metrics.failed(this.#operationOf(context.headers), error.status, error.type)
    return this.#service.describeError(error, context)
  }

  /** What has no operation in its headers goes by its service. */
  #operationOf(headers: IncomingHttpHeaders): string {
    const target = headers['x-amz-target']
    return typeof target === 'string' ? target.slice(target.indexOf('.') + 1) : this.signingName
  }
}
