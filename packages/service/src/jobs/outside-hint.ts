import { EngineError } from '@millrace/engine/spi'
import type { IsolationSettings } from '../launchers/index.ts'
import { isInside } from '../launchers/isolation/mount-table.ts'

/** How the system refuses a path: as Node tells it, with the path at the end in quotes. */
const refusal = /\b(?:ENOENT|EACCES|EPERM|EROFS)\b[^']*(?:'[^']*' -> )?'(\/[^']*)'/

/**
 * An isolated job's failure; of a path of this machine that it doesn't see or may not write to with a hint that tells how
 * it could, any other as it is.
 */
export function withOutsideHint(error: EngineError, { means, readOnly, readWrite }: IsolationSettings): EngineError {
  const path = refusedPath(error)
  if (path === undefined || isInside(path, '/tmp')) return error
  if (readWrite.some((folder) => isInside(path, folder))) {
    return withHint(
      error,
      `${path} is shown to it, but its user may not use it so: give others the right (chmod 1777).`,
    )
  }
  if (readOnly.some((folder) => isInside(path, folder))) return error
  if (means.by === 'user') {
    return withHint(error, `If ${path} is there, its user may not use it so: give others the right (chmod 1777).`)
  }
  return withHint(
    error,
    `An isolated application doesn't see ${path}: show it the folder with millrace serve --folder DIR, or use S3 ` +
      '(docs/reference/isolation.md).',
  )
}

function refusedPath(error: EngineError): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const path = refusal.exec(at.message)?.[1]
    if (path !== undefined) return path
    if (at instanceof EngineError && at.code === 'FILE_NOT_FOUND') {
      const named = at.details['path']
      if (typeof named === 'string' && named.startsWith('/')) return named
    }
  }
  return undefined
}

function withHint(error: EngineError, hint: string): EngineError {
  const { code, kind, message, details, cause, stack } = error
  const hinted = new EngineError(code, { kind, message, hint, details, cause })
  if (stack !== undefined) hinted.stack = stack
  return hinted
}
