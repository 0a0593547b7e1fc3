import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { announceProperties, readProperties } from './properties.ts'

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

test('what was chosen is announced to the rest of the process', () => {
  const application = join(folder, 'app.ts')
  const env: Record<string, string | undefined> = {}
  announceProperties(undefined, application, env)
  expect(env).toEqual({})
  const besides = join(folder, 'application_properties.json')
  writeFileSync(besides, groups('x'))
  announceProperties(undefined, application, env)
  expect(env).toEqual({ MILLRACE_PROPERTIES_FILE: besides })
  const option = join(folder, 'option.json')
  writeFileSync(option, groups('y'))
  announceProperties(option, application, env)
  expect(env).toEqual({ MILLRACE_PROPERTIES_FILE: option })
})
