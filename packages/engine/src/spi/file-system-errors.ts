import { EngineError } from '../common/errors.ts'

/** There is no such file. */
export function fileNotFound(path: string, cause?: unknown): EngineError {
  return new EngineError('FILE_NOT_FOUND', {
    kind: 'invalid',
    message: `There is no file ${path}.`,
    hint: 'Check the path; a file that a checkpoint names must stay until a newer checkpoint is complete.',
    details: { path },
    cause,
  })
}

/** No room: a full disk, a quota, a limit on the size of files. */
export function storageFull(operation: string, path: string, cause?: unknown): EngineError {
  return new EngineError('STORAGE_FULL', {
    kind: 'unavailable',
    message: `No room to ${operation} ${path}${reasonOf(cause)}.`,
    hint: 'Free space or raise the quota or file-size limit; nothing that was reported durable is lost.',
    details: { operation, path },
    cause,
  })
}

/** The storage failed in a way that may pass. */
export function storageFailed(operation: string, path: string, cause?: unknown): EngineError {
  return new EngineError('STORAGE_FAILED', {
    kind: 'unavailable',
    message: `Could not ${operation} ${path}${reasonOf(cause)}.`,
    hint: 'Check that the storage is there and that this process may write to it.',
    details: { operation, path },
    cause,
  })
}

/** The storage holds something else than what was reported durable. */
export function fileDamaged(path: string, problem: string, details: Record<string, unknown> = {}): EngineError {
  return new EngineError('FILE_DAMAGED', {
    kind: 'corrupt',
    message: `${path} ${problem}.`,
    hint: 'Something outside changed or removed it. Restore from an older savepoint, or bring the file back.',
    details: { path, ...details },
  })
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? `: ${cause.message}` : ''
}
