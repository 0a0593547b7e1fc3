import { EngineError } from '@millrace/engine/spi'
import type { Owner } from './owner.ts'

/** An error of the database as `STORE_FAILED` (unavailable: the same call may succeed later); others stay as they are. */
export function storeFailed(cause: unknown, place: string): unknown {
  if (cause instanceof EngineError) return cause
  return new EngineError('STORE_FAILED', {
    kind: 'unavailable',
    message: `The store ${place} can't be used (${(cause as Error).message}).`,
    hint: place.startsWith('postgres')
      ? 'Look whether PostgreSQL can be reached from here and takes the user and its password.'
      : 'Look for a full disk, missing rights, or another process that holds the file.',
    details: { place },
    cause,
  })
}

export function storeTooNew(place: string, version: number, known: number): EngineError {
  return new EngineError('STORE_TOO_NEW', {
    kind: 'invalid',
    message: `${place} was written by a newer Millrace (its version is ${version}, known here is ${known}).`,
    hint: 'Start the newer Millrace again, or give another store.',
    details: { place, version },
  })
}

/** A write of a node that owned the application once. */
export function ownershipLost(application: string, owner: Owner): EngineError {
  return new EngineError('OWNERSHIP_LOST', {
    kind: 'fenced',
    message: `Application ${application} isn't node ${owner.node}'s any more (its ownership was number ${owner.epoch}).`,
    hint: 'Nothing is to be done here: another node runs it.',
    details: { application, ...owner },
  })
}
