import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { initCommand } from './init-command.ts'
import { firstApplication, templateFiles } from './template.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

test('a new folder gets every file, with the name of the folder', () => {
  initCommand(join(folder, 'My App'))
  expect(readdirSync(join(folder, 'My App')).sort()).toEqual(
    ['.gitignore', 'README.md', 'app.ts', 'package.json', 'tsconfig.json'].sort(),
  )
  const manifest = JSON.parse(readFileSync(join(folder, 'My App', 'package.json'), 'utf8'))
  expect(manifest.name).toBe('my-app')
})

test('a folder that has any of the files is left alone', () => {
  writeFileSync(join(folder, 'app.ts'), 'mine')
  expect(() => initCommand(folder)).toThrow(expect.objectContaining({ code: 'FOLDER_NOT_EMPTY' }))
  expect(readFileSync(join(folder, 'app.ts'), 'utf8')).toBe('mine')
  expect(existsSync(join(folder, 'package.json'))).toBe(false)
})

test('README shows the application that init makes', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${firstApplication}\`\`\``)
})

test.each([
  ['../', 'application'],
  ['Äpfel & Birnen', 'pfel-birnen'],
  ['_x', 'x'],
])('the folder %j makes the package %s', (name, expected) => {
  expect(JSON.parse(templateFiles(name, '1.0.0')['package.json'] as string).name).toBe(expected)
})
