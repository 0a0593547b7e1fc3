import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commandPaths } from './command-paths.ts'
import { isolationScript, type View } from './isolation-script.ts'
import type { NamespaceMeans } from './isolation-settings.ts'
import { isJobUserId, jobUserId, userIdRange } from './job-user.ts'
import { mountOf, mountsBelow, readMountTable } from './mount-table.ts'
import { endOf } from './process-end.ts'
import { shellWord } from './shell-words.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const names = ['sh', 'unshare', 'setpriv', 'mount', 'umount', 'pivot_root', 'prlimit'] as const
const tools = Object.fromEntries(names.map((name) => [name, name])) as unknown as NamespaceMeans['tools']
const mounts = readMountTable(
  [
    '22 27 0:21 / / rw,relatime - ext4 /dev/a rw',
    '23 22 0:22 / /data rw,noexec - ext4 /dev/b rw',
    '24 22 0:23 / /usr/share/my\\040fonts rw - tmpfs x rw',
    '',
  ].join('\n'),
)

const view: View = {
  shown: [
    { path: '/usr/bin/node', kind: 'file', access: 'read' },
    { path: '/usr', kind: 'folder', access: 'read' },
    { path: "/data/it's own/run", kind: 'folder', access: 'write' },
    { path: '/data/code.zip', kind: 'file', access: 'read' },
  ],
  links: new Map([['/lib', 'usr/lib']]),
  workingDirectory: '/data/run',
  buildingSite: '/sys',
}
const steps = (user: NamespaceMeans['user']): string[] =>
  isolationScript(view, { by: 'namespaces', user, userNamespace: true, tools }, mounts).split(' &&\n')

test('what is shown keeps its path, its access and what its file system allows; mounts below are read-only too', () => {
  const all = steps('own-user')
  const table = all.find((step) => step.startsWith('printf')) as string
  const lines = execFileSync('sh', ['-c', table.replace('> .mounts', '')], { encoding: 'utf8' }).split('\n')
  expect(lines.slice(0, 4)).toEqual([
    '/data/code.zip /sys/data/code.zip none rbind,ro,nosuid,nodev,noexec 0 0',
    "/data/it's\\040own/run /sys/data/it's\\040own/run none rbind,nosuid,nodev,noexec 0 0",
    '/usr /sys/usr none rbind,ro,nosuid,nodev 0 0',
    '/dev/null /sys/dev/null none bind 0 0',
  ])
  expect(all).toContain("mount -n -o remount,bind,ro,nosuid,nodev './usr/share/my fonts'")
})

test('the old root is gone before the program starts, and a step that fails ends it', () => {
  const all = steps('own-user')
  expect(all.indexOf('pivot_root . .old')).toBeLessThan(all.indexOf('umount -n -l /.old'))
  expect(all.at(-1)).toBe('cd /data/run || exit 97\n"$@"\nexit $?\n')
})

test('as the same user no further user namespace and no setting of the kernel is left to it', () => {
  const closed = 'echo 0 > /proc/sys/user/max_user_namespaces'
  expect(steps('same-user')).toContain(closed)
  expect(steps('own-user')).not.toContain(closed)
})

test('a path belongs to the innermost mount', () => {
  expect(mountOf(mounts, '/data/x')).toEqual({ path: '/data', noexec: true })
  expect(mountOf(mounts, '/database')).toEqual({ path: '/', noexec: false })
  expect(mountsBelow(mounts, '/usr').map(({ path }) => path)).toEqual(['/usr/share/my fonts'])
})

test.each(['plain', 'two words', "it's", '$(false)', '', 'a\nb'])('the word %j is one for a shell', (word) => {
  expect(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word)
})

test("a command's paths are its package, the packages around it and where their links lead", () => {
  const command = join(folder, 'project/node_modules/millrace')
  mkdirSync(join(command, 'dist'), { recursive: true })
  writeFileSync(join(command, 'package.json'), '{}')
  writeFileSync(join(command, 'dist/millrace.mjs'), '')
  expect(commandPaths(join(command, 'dist/millrace.mjs'))).toEqual([command, join(folder, 'project/node_modules')])
})

test.each([
  { it: 'everywhere', map: '0 0 4294967295', first: 0x6d72_0000, count: 0x8000 },
  { it: 'in a container of 65536 users', map: '0 100000 65536', first: 64_534, count: 1000 },
  { it: 'where the second range is the large one', map: '0 1000 1\n1 100000 65536', first: 64_535, count: 1000 },
])('the users of jobs $it', ({ map, first, count }) => {
  expect(userIdRange(map)).toEqual({ first, count })
})

test('an application has a user that no other has and that nothing else runs as', () => {
  const range = { first: 1000, count: 5 }
  const users = new Set<number>()
  for (const name of ['a', 'b', 'c']) users.add(jobUserId(name, users, range) as number)
  expect([...users].sort()).toEqual([1002, 1003, 1004])
  expect(jobUserId('d', users, range)).toBeUndefined()
  expect(jobUserId('a', new Set(), range)).toBe(jobUserId('a', new Set(), range))
  expect([1001, 1002, 1004, 1005].map((userId) => isJobUserId(userId, range))).toEqual([false, true, true, false])
})

test.each([
  { it: 'an exit code', code: 3, signal: null, end: { code: 3, signal: null } },
  { it: 'SIGKILL inside', code: 137, signal: null, end: { code: null, signal: 'SIGKILL' } },
  { it: 'SIGABRT inside', code: 134, signal: null, end: { code: null, signal: 'SIGABRT' } },
  { it: "the command's own code for SIGTERM", code: 143, signal: null, end: { code: 143, signal: null } },
  { it: 'SIGKILL outside', code: null, signal: 'SIGKILL', end: { code: null, signal: 'SIGKILL' } },
] as const)('$it is told as it was', ({ code, signal, end }) => {
  expect(endOf(code, signal)).toEqual(end)
})
