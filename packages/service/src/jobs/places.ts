import { join } from 'node:path'

/** Where an application's things lie below the data directory. */
export interface ApplicationPlaces {
  readonly folder: string
  readonly code: string
  /** Working directory, property file and control socket of its process. */
  readonly run: string
  readonly checkpoints: string
  readonly savepoints: string
  readonly logFile: string
}

/**
 * Names come from the service model's pattern `[a-zA-Z0-9_.-]+`, which allows `.` and `..`: those get a prefix, so that
 * no name leads out of `apps`.
 */
export function applicationPlaces(dataDirectory: string, name: string): ApplicationPlaces {
  const folder = join(dataDirectory, 'apps', /^\.*$/.test(name) ? `_${name}` : name.replaceAll(/[^a-zA-Z0-9_.-]/g, '_'))
  return {
    folder,
    code: join(folder, 'code'),
    run: join(folder, 'run'),
    checkpoints: join(folder, 'checkpoints'),
    savepoints: join(folder, 'savepoints'),
    logFile: join(folder, 'logs', 'application.log'),
  }
}
