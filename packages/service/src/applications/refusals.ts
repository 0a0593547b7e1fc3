import { ApiError } from '../wire/api-error.ts'
import type { ApplicationRecord } from './application-record.ts'
import type { LifecycleCall } from './state-machine.ts'

const participle: Readonly<Record<LifecycleCall, string>> = {
  StartApplication: 'started',
  StopApplication: 'stopped',
  ForceStopApplication: 'stopped by force',
  UpdateApplication: 'updated',
  DeleteApplication: 'deleted',
  RollbackApplication: 'rolled back',
  ScaleApplication: 'scaled',
  CreateSnapshot: 'snapshotted',
  Reconfigure: 'changed',
  Hibernate: 'put to sleep',
  Wake: 'woken',
}

/** The status doesn't allow the call. */
export function inUse({ name, status }: ApplicationRecord, call: LifecycleCall): ApiError {
  return new ApiError(
    'ResourceInUseException',
    `Application ${name} cannot be ${participle[call]} while it is ${status}.`,
  )
}

/** The application isn't any more what the caller saw. `now`: what it is. */
export function conflict({ name, versionId }: ApplicationRecord, now: ApplicationRecord | undefined): ApiError {
  if (now === undefined) return new ApiError('ResourceNotFoundException', `Application ${name} doesn't exist.`)
  if (now.versionId === versionId) {
    return new ApiError('ResourceInUseException', `Application ${name} has changed meanwhile: it is ${now.status}.`)
  }
  return new ApiError(
    'ConcurrentModificationException',
    `Application ${name} is at version ${now.versionId} by now, not ${versionId}.`,
  )
}

/** Nothing to go back to, or nothing to go back with. */
export function notRolledBack({ name }: ApplicationRecord, why: string): ApiError {
  return new ApiError('InvalidRequestException', `Application ${name} can't be rolled back: ${why}.`)
}
