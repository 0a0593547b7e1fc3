import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isForEveryUser, shownFolders } from './shown-folders.ts'

let folder: string
let data: string
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-test-')))
  data = join(folder, 'data')
  for (const name of ['data/apps', 'output', 'data-output']) mkdirSync(join(folder, name), { recursive: true })
  symlinkSync('data', join(folder, 'link'))
  writeFileSync(join(folder, 'file'), '')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('folders are shown by their real paths', () => {
  symlinkSync('output', join(folder, 'alias'))
  const given = [join(folder, 'alias'), join(folder, 'data-output')]
  expect(shownFolders(given, data)).toEqual([join(folder, 'output'), join(folder, 'data-output')])
})

test.each(['nowhere', 'file', 'data', 'data/apps', '.', 'link/apps'])('%s is refused', (name) => {
  expect(() => shownFolders([join(folder, name)], data)).toThrow(
    expect.objectContaining({ code: 'FOLDER_INVALID', kind: 'invalid' }),
  )
})

test('whether applications that are users of their own may write there', () => {
  chmodSync(join(folder, 'output'), 0o1777)
  chmodSync(join(folder, 'data-output'), 0o770)
  expect([isForEveryUser(join(folder, 'output')), isForEveryUser(join(folder, 'data-output'))]).toEqual([true, false])
})
