import { join } from 'node:path'

/** Where an application's things lie below the data directory. */
export interface ApplicationPlaces {
  readonly folder: string
  readonly code: string
  /** Working directory of its process, with its control socket; empty at each start. */
  readonly run: string
  /** What its process may read and not write: properties, credentials, and what it gets those of AWS for. */
  readonly given: string
  readonly credentialsFile: string
  readonly awsTokenFile: string
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
    given: join(folder, 'given'),
    credentialsFile: join(folder, 'given', 'credentials'),
    awsTokenFile: join(folder, 'given', 'aws-token'),
    checkpoints: join(folder, 'checkpoints'),
    savepoints: join(folder, 'savepoints'),
    logFile: join(folder, 'logs', 'application.log'),
  }
}
