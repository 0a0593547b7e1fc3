import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseProperties, readProperties } from './properties.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const groups = (value: string): string =>
  JSON.stringify([{ PropertyGroupId: 'settings', PropertyMap: { from: value } }])

test('the option goes before the variable, that before the file beside the application', () => {
  const application = join(folder, 'app.ts')
  const file = (name: string): string => {
    writeFileSync(join(folder, name), groups(name))
    return join(folder, name)
  }
  expect(readProperties(undefined, application, {})).toEqual({})
  file('application_properties.json')
  const env = { MILLRACE_PROPERTIES_FILE: file('variable.json') }
  expect(readProperties(undefined, application, {})).toEqual({ settings: { from: 'application_properties.json' } })
  expect(readProperties(undefined, application, env)).toEqual({ settings: { from: 'variable.json' } })
  expect(readProperties(file('option.json'), application, env)).toEqual({ settings: { from: 'option.json' } })
})

test('a file that was named must be there', () => {
  expect(() => readProperties(join(folder, 'none.json'), join(folder, 'app.ts'), {})).toThrow(
    expect.objectContaining({ code: 'PROPERTIES_NOT_FOUND' }),
  )
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
  expect(() => parseProperties(text, 'p.json')).toThrow(what)
})

test('a group may be named like a property of every object', () => {
  const text = '[{"PropertyGroupId":"constructor","PropertyMap":{"k":"v"}}]'
  expect(parseProperties(text, 'p.json')).toEqual({ constructor: { k: 'v' } })
})
