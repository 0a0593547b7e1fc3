import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { getApplicationProperties, parseApplicationProperties } from './application-properties.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
  vi.stubEnv('MILLRACE_PROPERTIES_FILE', undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const text = (value: string): string =>
  JSON.stringify([
    { PropertyGroupId: 'kafka', PropertyMap: { topic: value, servers: 'a:1,b:2' } },
    { PropertyGroupId: 'rules', PropertyMap: { limit: '10' } },
  ])

test('the groups come from the file the variable names, else from the working directory, else there are none', () => {
  expect(getApplicationProperties()).toEqual({})
  writeFileSync(join(folder, 'application_properties.json'), text('here'))
  expect(getApplicationProperties('kafka')).toEqual({ topic: 'here', servers: 'a:1,b:2' })
  const file = join(folder, 'other.json')
  writeFileSync(file, text('there'))
  vi.stubEnv('MILLRACE_PROPERTIES_FILE', file)
  expect(getApplicationProperties()).toEqual({
    kafka: { topic: 'there', servers: 'a:1,b:2' },
    rules: { limit: '10' },
  })
})

test('a group that was not given is empty, whatever its name', () => {
  writeFileSync(join(folder, 'application_properties.json'), text('x'))
  expect(getApplicationProperties('none')).toEqual({})
  expect(getApplicationProperties('toString')).toEqual({})
})

test('a file that the variable names must be there', () => {
  vi.stubEnv('MILLRACE_PROPERTIES_FILE', join(folder, 'none.json'))
  expect(() => getApplicationProperties()).toThrow(expect.objectContaining({ code: 'PROPERTIES_NOT_FOUND' }))
})

test.each([
  { text: '{', what: 'not JSON' },
  { text: '{}', what: 'not a JSON array' },
  { text: '[{}]', what: 'entry 0 has no PropertyGroupId' },
  { text: '[null]', what: 'entry 0 has no PropertyGroupId' },
  { text: '[{"PropertyGroupId":"a"}]', what: "group 'a' has no PropertyMap" },
  { text: '[{"PropertyGroupId":"a","PropertyMap":[]}]', what: "group 'a' has no PropertyMap" },
  { text: '[{"PropertyGroupId":"a","PropertyMap":{"k":1}}]', what: "'k' of group 'a' is number, not text" },
  {
    text: '[{"PropertyGroupId":"a","PropertyMap":{}},{"PropertyGroupId":"a","PropertyMap":{}}]',
    what: "the group 'a' appears twice",
  },
])('$text is refused: $what', ({ text, what }) => {
  expect(() => parseApplicationProperties(text, 'p.json')).toThrow(what)
})

test('a group may be named like a property of every object', () => {
  const text = '[{"PropertyGroupId":"constructor","PropertyMap":{"k":"v"}}]'
  expect(parseApplicationProperties(text, 'p.json')).toEqual({ constructor: { k: 'v' } })
})
