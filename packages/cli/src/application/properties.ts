import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { EngineError, type PropertyGroups } from '@millrace/engine'

const FILE_NAME = 'application_properties.json'

/**
 * The property groups an application is built with: of `--properties`, else of `MILLRACE_PROPERTIES_FILE`, else of
 * `application_properties.json` beside the application, else none.
 * Errors (invalid): `PROPERTIES_NOT_FOUND`, `PROPERTIES_INVALID`.
 */
export function readProperties(
  option: string | undefined,
  applicationFile: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): PropertyGroups {
  const named = option ?? env['MILLRACE_PROPERTIES_FILE']
  const file = resolve(named ?? join(dirname(applicationFile), FILE_NAME))
  if (existsSync(file)) return parseProperties(readFileSync(file, 'utf8'), file)
  if (named === undefined) return {}
  throw new EngineError('PROPERTIES_NOT_FOUND', {
    kind: 'invalid',
    message: `There is no properties file ${file}.`,
    hint: 'It holds a JSON array of {"PropertyGroupId": …, "PropertyMap": {…}}.',
    details: { file },
  })
}

/** Reads the service's form: a JSON array of `{PropertyGroupId, PropertyMap}` with text values. */
export function parseProperties(text: string, file: string): PropertyGroups {
  const invalid = (what: string): EngineError =>
    new EngineError('PROPERTIES_INVALID', {
      kind: 'invalid',
      message: `${file}: ${what}.`,
      hint: 'It holds a JSON array of {"PropertyGroupId": "group", "PropertyMap": {"key": "value"}}.',
      details: { file },
    })
  let groups: unknown
  try {
    groups = JSON.parse(text)
  } catch (error) {
    throw invalid(`not JSON (${(error as Error).message})`)
  }
  if (!Array.isArray(groups)) throw invalid('not a JSON array')
  const byId: Record<string, Readonly<Record<string, string>>> = Object.create(null)
  for (const [position, group] of groups.entries()) {
    const { PropertyGroupId: id, PropertyMap: map } = (group ?? {}) as Record<string, unknown>
    if (typeof id !== 'string' || id === '') throw invalid(`entry ${position} has no PropertyGroupId`)
    if (id in byId) throw invalid(`the group '${id}' appears twice`)
    if (typeof map !== 'object' || map === null || Array.isArray(map)) throw invalid(`group '${id}' has no PropertyMap`)
    for (const [key, value] of Object.entries(map)) {
      if (typeof value !== 'string') throw invalid(`'${key}' of group '${id}' is ${typeof value}, not text`)
    }
    byId[id] = { ...map }
  }
  return { ...byId }
}
