import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const program = (file: string) => /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, file), 'utf8'))?.[1]

test("the README's application is the one that the packed packages are tried with", () => {
  expect(program('README.md')).toBeDefined()
  expect(program('README.md')).toBe(program('packages/cli/README.md'))
})
