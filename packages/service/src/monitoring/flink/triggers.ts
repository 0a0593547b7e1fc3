import { asEngineError, type EngineError } from '@millrace/engine/spi'
import { ApiError } from '../../wire/api-error.ts'

/** Something that was asked for and goes on by itself. */
export type TriggerState =
  | { readonly status: 'IN_PROGRESS' }
  | { readonly status: 'COMPLETED'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly status: 'FAILED'; readonly error: EngineError }

/** More would only wait for one another. */
const maxUnderWay = 16
/** The oldest are forgotten. */
const remembered = 256

/** What was asked of applications by POST, by the id that GET then asks for. Held in memory. */
export class Triggers {
  readonly #ofApplication = new Map<string, Map<string, TriggerState>>()
  /** Ids that clients chose for operations of the service. */
  readonly #names = new Map<string, string>()

  /** Starts it unless one of that id is known. Errors: `ServiceUnavailableException` (503). */
  start(applicationName: string, id: string, begin: () => Promise<Readonly<Record<string, unknown>>>): void {
    const triggers = this.#ofApplication.get(applicationName) ?? new Map<string, TriggerState>()
    this.#ofApplication.set(applicationName, triggers)
    if (triggers.has(id)) return
    if ([...triggers.values()].filter(({ status }) => status === 'IN_PROGRESS').length >= maxUnderWay) {
      throw new ApiError('ServiceUnavailableException', `${maxUnderWay} such operations are under way already.`, 503)
    }
    triggers.set(id, { status: 'IN_PROGRESS' })
    begin().then(
      (result) => triggers.set(id, { status: 'COMPLETED', result }),
      (error) => triggers.set(id, { status: 'FAILED', error: asEngineError(error) }),
    )
    for (const [old, { status }] of triggers) {
      if (triggers.size <= remembered) break
      if (status !== 'IN_PROGRESS') triggers.delete(old)
    }
  }

  state(applicationName: string, id: string): TriggerState | undefined {
    return this.#ofApplication.get(applicationName)?.get(id)
  }

  /** From now on that id stands for that operation. */
  rename(applicationName: string, id: string, operationId: string): void {
    const [oldest] = this.#names.keys()
    if (this.#names.size >= remembered && oldest !== undefined) this.#names.delete(oldest)
    this.#names.set(`${applicationName}/${id}`, operationId)
  }

  /** The operation that the id stands for; itself unless it was renamed. */
  named(applicationName: string, id: string): string {
    return this.#names.get(`${applicationName}/${id}`) ?? id
  }

  knows(applicationName: string, id: string): boolean {
    return this.state(applicationName, id) !== undefined || this.#names.has(`${applicationName}/${id}`)
  }
}
