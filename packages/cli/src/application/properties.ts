import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { PropertyGroups } from '@millrace/engine'
import { PROPERTIES_FILE_NAME, readApplicationProperties } from '@millrace/engine/host'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The property groups an application is built with: of `--properties`, else of `MILLRACE_PROPERTIES_FILE`, else of
 * `application_properties.json` beside the application, else none.
 * Errors (invalid): `PROPERTIES_NOT_FOUND`, `PROPERTIES_INVALID`.
 */
export function readProperties(
  option: string | undefined,
  applicationFile: string,
  env: Environment = process.env,
): PropertyGroups {
  return readApplicationProperties(namedFile(option, env), besides(applicationFile))
}

/** Lets `getApplicationProperties` find the same file, on every thread that is started from now on. */
export function announceProperties(
  option: string | undefined,
  applicationFile: string,
  env: Record<string, string | undefined> = process.env,
): void {
  const file = namedFile(option, env) ?? besides(applicationFile)
  if (existsSync(file)) env['MILLRACE_PROPERTIES_FILE'] = resolve(file)
}

function namedFile(option: string | undefined, env: Environment): string | undefined {
  return option ?? env['MILLRACE_PROPERTIES_FILE']
}

function besides(applicationFile: string): string {
  return join(dirname(applicationFile), PROPERTIES_FILE_NAME)
}
