import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { builtCommand } from '../testing/built-command.ts'

let commandFile: string
let folder: string
const children: ChildProcess[] = []
beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function serve(...args: string[]) {
  const child = spawn(process.execPath, [commandFile, 'serve', '--role', 'streams', ...args], { cwd: folder })
  children.push(child)
  let stdout = ''
  let stderr = ''
  let onReady: (url: string) => void = () => {}
  const ready = new Promise<string>((resolve) => {
    onReady = resolve
  })
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString()
    const url = /^millrace ready (\S+)\n/.exec(stdout)?.[1]
    if (url !== undefined) onReady(url)
  })
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString()
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { child, ready, ended }
}

test.each(['SIGINT', 'SIGTERM'] as const)('it serves until %s, in a directory for its user alone', async (signal) => {
  const { child, ready, ended } = serve('--port', '0')
  const url = await ready
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  // Unsigned requests are answered, and refused.
  const headers = { 'x-amz-target': 'Kinesis_20131202.ListStreams', 'content-type': 'application/x-amz-json-1.1' }
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' })
  expect(await answer.text()).toContain('MissingAuthenticationToken')
  expect(statSync(join(folder, '.millrace')).mode & 0o777).toBe(0o700)
  expect(readFileSync(join(folder, '.millrace', 'credentials'), 'utf8')).toContain('aws_access_key_id')
  child.kill(signal)
  expect(await ended).toMatchObject({ code: 0, stdout: `millrace ready ${url}\n` })
})

test('a port or a directory that is taken is told with what to do', async () => {
  const first = serve('--port', '0', '--data', 'a')
  const { port } = new URL(await first.ready)
  const samePort = await serve('--port', port, '--data', 'b').ended
  expect(samePort).toMatchObject({ code: 1, stdout: '' })
  expect(samePort.stderr).toContain(`PORT_IN_USE: Port ${port} is taken.\n  hint: Choose another with --port`)
  const sameDirectory = await serve('--port', '0', '--data', 'a').ended
  expect(sameDirectory).toMatchObject({ code: 1, stdout: '' })
  expect(sameDirectory.stderr).toContain('DATA_DIRECTORY_IN_USE')
})
