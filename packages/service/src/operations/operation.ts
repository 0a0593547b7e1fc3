import type { IncomingHttpHeaders } from 'node:http'
import type { Clock, Random } from '@millrace/engine/spi'
import type { AccessDirectory } from '../access/access-directory.ts'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { CodeStore } from '../applications/code/code-store.ts'
import type { Lifecycle } from '../applications/lifecycle.ts'
import type { Operations } from '../model/shapes.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { tagOwner } from '../storage/snapshot-store.ts'
import { ApiError } from '../wire/api-error.ts'
import { snapshotOfArn } from './existing-snapshot.ts'

/** What the API's operations work on. */
export interface ApplicationContext {
  readonly account: { readonly region: string; readonly accountId: string }
  readonly store: ApplicationStore
  readonly lifecycle: Lifecycle
  readonly codeStore: CodeStore
  readonly roles: Pick<AccessDirectory, 'roleOfArn'>
  /** The URL that opens an application's monitoring pages for so long, at this `host:port` where the caller has said one. */
  presignDashboard(applicationName: string, sessionSeconds: number, host: string | undefined): string
  readonly clock: Clock
  readonly random: Random
}

/** An operation of the API; its input has been checked against the service model, the signature over its headers as well. */
export type Operation<N extends keyof Operations> = (
  input: Operations[N]['input'],
  context: ApplicationContext,
  headers: IncomingHttpHeaders,
) => Promise<Operations[N]['output']>

/** User tags an application may have. */
export const MAX_TAGS = 50
/** Members of a page when the request doesn't say. */
export const PAGE_SIZE = 50

/** Errors: `ResourceNotFoundException`. */
export async function existingApplication(context: ApplicationContext, name: string): Promise<ApplicationRecord> {
  const application = await context.store.application(name)
  if (application !== undefined) return application
  const { region, accountId } = context.account
  throw new ApiError(
    'ResourceNotFoundException',
    `There is no application ${name} in account ${accountId}, region ${region}.`,
  )
}

/**
 * What an ARN's tags are kept under: those of an application or of an enhanced snapshot.
 * Errors: `ResourceNotFoundException`, also for an ARN of something else.
 */
export async function tagOwnerOfArn(context: ApplicationContext, arn: string): Promise<string> {
  const owner = await tagOwnerIfAny(context, arn)
  if (owner !== undefined) return owner
  throw new ApiError('ResourceNotFoundException', `There is no application or snapshot with the ARN ${arn}.`)
}

/** The same, undefined when there is nothing of this ARN. */
export async function tagOwnerIfAny(context: ApplicationContext, arn: string): Promise<string | undefined> {
  const snapshot = await snapshotOfArn(context, arn)
  return snapshot === undefined ? (await context.store.applicationByArn(arn))?.name : tagOwner(snapshot)
}

export function unsupported(message: string): ApiError {
  return new ApiError('UnsupportedOperationException', message)
}
