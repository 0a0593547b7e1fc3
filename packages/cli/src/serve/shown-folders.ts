import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { EngineError } from '@millrace/engine/spi'

/**
 * Folders of this machine that all isolated applications may read and write, by their real paths.
 * Errors (invalid): `FOLDER_INVALID`: none, or one through which applications would reach the data directory.
 */
export function shownFolders(folders: readonly string[], dataDirectory: string): string[] {
  const data = realpathSync(dataDirectory)
  return folders.map((given) => {
    const folder = realPath(given)
    if (isWithin(folder, data) || isWithin(data, folder)) {
      throw invalid(given, 'and the data directory lie in each other: applications would reach what is not theirs')
    }
    return folder
  })
}

/** Whether every user of this machine may write there, as users of applications have to. */
export function isForEveryUser(folder: string): boolean {
  return (statSync(folder).mode & 0o007) === 0o007
}

function realPath(given: string): string {
  try {
    const path = realpathSync(resolve(given))
    accessSync(path, constants.R_OK | constants.X_OK)
    if (statSync(path).isDirectory()) return path
  } catch {
    // Told below.
  }
  throw invalid(given, 'is no folder that this process can read')
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith('../'))
}

function invalid(folder: string, problem: string): EngineError {
  return new EngineError('FOLDER_INVALID', {
    kind: 'invalid',
    message: `${folder} ${problem}.`,
    hint: 'Give --folder a folder of its own that is there.',
    details: { folder },
  })
}
