import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HandedFiles, PASSING, prepareJobFolders, removeDiscarded, removedStateFolder } from './job-folders.ts'
import { type ApplicationPlaces, applicationPlaces } from './places.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-folders-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const filesFor = ({ given }: ApplicationPlaces): HandedFiles => ({
  bundle: join(folder, 'bundle.zip'),
  propertiesFile: join(given, 'properties.json'),
  properties: '[]',
  credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  restoredFrom: undefined,
})

test.each([
  { it: 'its own folder', state: undefined },
  { it: 'a shared folder, which may be another file system', state: 'shared/apps/x-1' },
])('what a job has left in $it is renamed within it and then removed', async ({ state }) => {
  const own = applicationPlaces(join(folder, 'data'), 'x')
  const at = (name: string) => join(folder, state ?? '', name)
  const places = state === undefined ? own : { ...own, checkpoints: at('checkpoints'), savepoints: at('savepoints') }
  const removed = join(folder, 'data', 'removed')
  const passing = join(places.savepoints, `${PASSING}1`)
  const kept = join(places.savepoints, 'savepoint-1')
  for (const path of [places.run, passing, kept]) mkdirSync(path, { recursive: true })
  writeFileSync(join(places.run, 'scratch'), '')
  prepareJobFolders(places, filesFor(places), removed, undefined)
  expect(readdirSync(places.run)).toEqual([])
  expect(existsSync(passing)).toBe(false)
  expect(existsSync(kept)).toBe(true)
  const removedState = removedStateFolder(places, removed)
  expect(removedState).toBe(state === undefined ? removed : at('removed'))
  expect(readdirSync(removed)).toHaveLength(state === undefined ? 2 : 1)
  expect(readdirSync(removedState)).toHaveLength(state === undefined ? 2 : 1)
  for (const one of [removed, removedState]) await removeDiscarded(one, silentLogger)
  expect([readdirSync(removed), readdirSync(removedState)]).toEqual([[], []])
  await removeDiscarded(join(folder, 'none'), silentLogger)
})

test('credentials of the service are the default of a job until it has credentials of AWS', () => {
  const places = applicationPlaces(folder, 'x')
  const files = filesFor(places)
  const aws = { url: 'http://127.0.0.1/role-credentials', token: 'shown' }
  const profiles = () => readFileSync(places.credentialsFile, 'utf8').match(/(?<=\[)\w+/g)
  prepareJobFolders(places, { ...files, credentials: { ...files.credentials, aws } }, folder, undefined)
  expect(profiles()).toEqual(['millrace'])
  expect(readFileSync(places.awsTokenFile, 'utf8')).toBe('shown')
  expect(statSync(places.awsTokenFile).mode & 0o777).toBe(0o600)
  prepareJobFolders(places, files, folder, undefined)
  expect(profiles()).toEqual(['millrace', 'default'])
  expect(existsSync(places.awsTokenFile)).toBe(false)
})
