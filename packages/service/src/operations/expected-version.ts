import type { ApplicationRecord } from '../applications/application-record.ts'
import { ApiError } from '../wire/api-error.ts'

/** How a request names the version that it is meant for. */
export interface ExpectedVersion {
  readonly CurrentApplicationVersionId?: number | undefined
  readonly ConditionalToken?: string | undefined
}

/**
 * Somebody who has seen an older version doesn't know what the change would change.
 * Errors: `ConcurrentModificationException`; neither is given: `whenMissing`, which not every operation's model has.
 */
export function checkVersion(
  before: ApplicationRecord,
  input: ExpectedVersion,
  whenMissing: 'InvalidRequestException' | 'InvalidArgumentException' = 'InvalidRequestException',
): void {
  const { CurrentApplicationVersionId: versionId, ConditionalToken: token } = input
  if (versionId === undefined && token === undefined) {
    throw new ApiError(whenMissing, 'CurrentApplicationVersionId or ConditionalToken must be given.')
  }
  const isOther = (versionId ?? before.versionId) !== before.versionId
  if (!isOther && (token ?? before.conditionalToken) === before.conditionalToken) return
  throw new ApiError(
    'ConcurrentModificationException',
    `The application is at version ${before.versionId}, not the one that was given: describe it again.`,
  )
}
