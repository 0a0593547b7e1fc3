import type { IncomingHttpHeaders } from 'node:http'
import type { CallAccess, RequestOrigin } from '../access/call-access.ts'
import type { Identity, Principal } from '../access/principal.ts'
import type { EventStream } from './event-stream.ts'

/** A verified request, as a service gets it. */
export interface ApiCall {
  readonly requestId: string
  readonly headers: IncomingHttpHeaders
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly body: Buffer
  /** Who calls. */
  readonly principal: Principal
  /** What they may do: a service asks before it does anything. */
  readonly access: CallAccess
  /** Answers with an open event stream; the call's own answer is then `undefined`. */
  openEventStream(): EventStream
}

/** A complete answer. */
export interface ApiAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** One AWS service behind the port. */
export interface ApiService {
  /** The service's name in a SigV4 scope. */
  readonly signingName: string
  /** Largest request body, when it isn't the port's; more is 413. */
  readonly maxBodyBytes?: number
  /** True when a request with these headers is this service's. */
  accepts(method: string, target: string, headers: IncomingHttpHeaders): boolean
  /** True when the request proves its right by something else than a signature. */
  isUnsigned?(method: string, target: string): boolean
  /** Who makes an unsigned request; nobody in particular unless given. Errors: why it is refused. */
  identify?(headers: IncomingHttpHeaders, origin: RequestOrigin): Promise<Identity> | undefined
  /** Answers a call. Everything it throws becomes an answer by `describeError`. */
  handle(call: ApiCall): Promise<ApiAnswer | undefined>
  /** An error in the service's own form. */
  describeError(error: { type: string; message: string; status: number }, call: ErrorContext): ApiAnswer
}

/** What is known of a request when it is turned away. */
export interface ErrorContext {
  readonly requestId: string
  readonly headers: IncomingHttpHeaders
}
