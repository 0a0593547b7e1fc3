import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { EngineError } from '../common/errors.ts'
import type { PropertyGroups } from './application.ts'

/** What the file is called that Amazon's service and its samples keep property groups in. */
export const PROPERTIES_FILE_NAME = 'application_properties.json'

type Properties = Readonly<Record<string, string>>

/**
 * The property groups of this process's application, or one of them (empty when it wasn't given): of the file that
 * `MILLRACE_PROPERTIES_FILE` names, as the service sets it, else of `application_properties.json` in the working
 * directory, else none. For code that runs outside `build`, which has the same as `ctx.properties`.
 * Errors (invalid): `PROPERTIES_NOT_FOUND`, `PROPERTIES_INVALID`.
 */
export function getApplicationProperties(): PropertyGroups
export function getApplicationProperties(groupId: string): Properties
export function getApplicationProperties(groupId?: string): PropertyGroups | Properties {
  const groups = readApplicationProperties(process.env['MILLRACE_PROPERTIES_FILE'], resolve(PROPERTIES_FILE_NAME))
  if (groupId === undefined) return groups
  return Object.hasOwn(groups, groupId) ? (groups[groupId] as Properties) : {}
}

/** The groups of `named`, which must be there, else of `unnamed`, which needn't. Errors as above. */
export function readApplicationProperties(named: string | undefined, unnamed: string): PropertyGroups {
  const file = resolve(named ?? unnamed)
  if (existsSync(file)) return parseApplicationProperties(readFileSync(file, 'utf8'), file)
  if (named === undefined) return {}
  throw new EngineError('PROPERTIES_NOT_FOUND', {
    kind: 'invalid',
    message: `There is no properties file ${file}.`,
    hint: 'It holds a JSON array of {"PropertyGroupId": …, "PropertyMap": {…}}.',
    details: { file },
  })
}

/** Reads the service's form: a JSON array of `{PropertyGroupId, PropertyMap}` with text values. */
export function parseApplicationProperties(text: string, file: string): PropertyGroups {
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
