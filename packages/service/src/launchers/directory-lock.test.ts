import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lockDirectory } from './directory-lock.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** A process that tries to take the folder and says whether it has. */
async function taking(directory: string): Promise<{ child: ChildProcess; has: boolean }> {
  const module = JSON.stringify(fileURLToPath(new URL('./directory-lock.ts', import.meta.url)))
  const program = `
    const { lockDirectory } = await import(${module})
    process.stdout.write(String((await lockDirectory(${JSON.stringify(directory)}, 'endpoint')) !== undefined))
    setInterval(() => {}, 1000)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [answer] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, has: answer.toString() === 'true' }
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe.each([
  { it: 'a short path', name: 'a' },
  { it: 'a path too long for a socket', name: 'x'.repeat(150) },
])('of $it', ({ name }) => {
  let directory: string
  beforeEach(() => {
    directory = join(folder, name)
    mkdirSync(directory)
  })

  test('one of many gets it, the next one when it is released', async () => {
    for (let round = 0; round < 20; round++) {
      const locks = await Promise.all(Array.from({ length: 8 }, () => lockDirectory(directory, 'endpoint')))
      const held = locks.filter((lock) => lock !== undefined)
      expect(held).toHaveLength(1)
      expect(await lockDirectory(directory, 'endpoint')).toBeUndefined()
      const other = await lockDirectory(directory, 'application')
      expect(other).toBeDefined()
      await Promise.all([held[0], other].map((lock) => lock?.release()))
    }
    expect(readdirSync(directory)).toEqual([])
  })

  test('one of many processes gets what a killed one had', async () => {
    const first = await taking(directory)
    expect(first.has).toBe(true)
    expect(await lockDirectory(directory, 'endpoint')).toBeUndefined()
    await killed(first.child)
    const others = await Promise.all(Array.from({ length: 4 }, () => taking(directory)))
    expect(others.filter(({ has }) => has)).toHaveLength(1)
  })
})

test.runIf(process.platform === 'linux')('its name is nobody else’s to take', async () => {
  const lock = await lockDirectory(folder, 'endpoint')
  const named = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.includes('-lock.') && line.includes(folder))
  expect(named.length).toBeGreaterThan(0)
  for (const line of named) expect(line).not.toContain('@')
  await lock?.release()
})
