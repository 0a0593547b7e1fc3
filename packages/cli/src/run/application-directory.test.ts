import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { lockDirectory } from '@millrace/service/launchers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askApplication } from '../remote/control-client.ts'
import { writeControlFile } from './control-file.ts'
import { ControlSocket } from './control-socket.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const status = { type: 'status', state: 'RUNNING', restarts: 0 } as const

test('one of many gets the lock, the next when it is released', async () => {
  const locks = await Promise.all(Array.from({ length: 5 }, () => lockDirectory(folder, 'application')))
  const held = locks.filter((lock) => lock !== undefined)
  expect(held).toHaveLength(1)
  await held[0]?.release()
  const next = await lockDirectory(folder, 'application')
  expect(next).toBeDefined()
  await next?.release()
})

test('directories do not lock each other', async () => {
  mkdirSync(join(folder, 'a'))
  const locks = [await lockDirectory(folder, 'application'), await lockDirectory(join(folder, 'a'), 'application')]
  expect(locks).not.toContain(undefined)
  await Promise.all(locks.map((lock) => lock?.release()))
})

/** Opens a socket that answers every command with its own type as state's cause of refusal. */
async function openSocket(directory: string): Promise<{ socket: ControlSocket; received: unknown[] }> {
  const received: unknown[] = []
  const socket = await ControlSocket.open(
    directory,
    (message, send) => {
      received.push(message)
      send({ type: 'savepoint', requestId: message['requestId'] as number, id: 1, path: '/s', bytes: 2, durationMs: 3 })
    },
    () => status,
  )
  return { socket, received }
}

test('a command reaches the application in a directory, and its answer comes back', async () => {
  const { socket, received } = await openSocket(folder)
  const states: string[] = []
  const answer = await askApplication(folder, { type: 'savepoint', path: '/s' }, (state) => states.push(state))
  expect(answer).toMatchObject({ type: 'savepoint', path: '/s', id: 1 })
  expect(received).toEqual([{ type: 'savepoint', path: '/s', requestId: 1 }])
  expect(states).toEqual(['RUNNING'])
  await socket.close()
  await expect(askApplication(folder, { type: 'cancel' })).rejects.toMatchObject({ code: 'APPLICATION_NOT_RUNNING' })
})

test('a directory with a path too long for a socket works as well, and leaves nothing in the temporary folder', async () => {
  const directory = join(folder, 'x'.repeat(120))
  mkdirSync(directory)
  const { socket } = await openSocket(directory)
  expect(Buffer.byteLength(socket.path)).toBeLessThan(104)
  expect(await askApplication(directory, { type: 'savepoint' })).toMatchObject({ type: 'savepoint' })
  await socket.close()
  expect(existsSync(dirname(socket.path))).toBe(false)
})

test('what a killed process left is taken over', async () => {
  const stale = join(folder, 'control.sock')
  writeFileSync(stale, '')
  writeControlFile(folder, { pid: 1, socket: stale })
  await expect(askApplication(folder, { type: 'cancel' })).rejects.toMatchObject({ code: 'APPLICATION_NOT_RUNNING' })
  const { socket } = await openSocket(folder)
  expect(JSON.parse(readFileSync(join(folder, 'control.json'), 'utf8'))).toEqual({ pid: process.pid, socket: stale })
  expect(await askApplication(folder, { type: 'savepoint' })).toMatchObject({ type: 'savepoint' })
  await socket.close()
})

test('a client that sends nonsense is told so, and others are served', async () => {
  const { socket } = await openSocket(folder)
  const lines = await new Promise<string>((resolve) => {
    const client = connect(socket.path)
    let text = ''
    client.on('data', (bytes) => {
      text += bytes.toString()
      if (!text.includes('LINE_MALFORMED')) return
      client.destroy()
      resolve(text)
    })
    client.write('nonsense\n')
  })
  const [hello, greeting] = lines.split('\n').map((line) => (line === '' ? undefined : JSON.parse(line)))
  expect(hello).toMatchObject({ type: 'hello', protocol: 1, pid: process.pid })
  expect(greeting).toEqual(status)
  expect(await askApplication(folder, { type: 'savepoint' })).toMatchObject({ type: 'savepoint' })
  await socket.close()
})
