import { EngineError } from '@millrace/engine/spi'
import { type DirectoryLock, lockDirectory } from './launchers/directory-lock.ts'

/** Takes a data directory for this endpoint. Errors: `DATA_DIRECTORY_IN_USE`. */
export async function lockDataDirectory(directory: string): Promise<DirectoryLock> {
  const lock = await lockDirectory(directory, 'endpoint')
  if (lock !== undefined) return lock
  throw new EngineError('DATA_DIRECTORY_IN_USE', {
    kind: 'invalid',
    message: `Another endpoint is running on ${directory}.`,
    hint: 'Stop it, or give this one a directory of its own.',
    details: { directory },
  })
}
