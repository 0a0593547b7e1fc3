import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { handOver, openWays } from './job-ownership.ts'
import { applicationPlaces } from './places.ts'

let data: string
let umask: number
beforeEach(() => {
  umask = process.umask(0o022)
  data = mkdtempSync(join(tmpdir(), 'millrace-ownership-'))
})
afterEach(() => {
  process.umask(umask)
  rmSync(data, { recursive: true })
})

const modeOf = (path: string): string => (statSync(join(data, path)).mode & 0o777).toString(8)

test('a data directory lets everybody through to what belongs to users, and shows nothing', () => {
  for (const folder of ['streams', 'apps/a', 'snapshots/s']) mkdirSync(join(data, folder), { recursive: true })
  writeFileSync(join(data, 'store.db'), '')
  symlinkSync('/tmp', join(data, 'link'))
  const ofLinked = statSync('/tmp').mode
  openWays(data)
  const modes = ['', 'apps', 'snapshots', 'apps/a', 'snapshots/s', 'streams', 'store.db'].map(modeOf)
  expect(modes).toEqual(['711', '711', '711', '750', '750', '700', '600'])
  expect(statSync('/tmp').mode).toBe(ofLinked)
  writeFileSync(join(data, 'later'), '')
  expect(modeOf('later')).toBe('600')
})

// Only root can give files away.
test.runIf(process.getuid?.() === 0)("a user gets at what is its own, and another doesn't", () => {
  chmodSync(data, 0o711)
  const places = applicationPlaces(data, 'a')
  const bundle = join(places.code, 'bundle.zip')
  const kept = join(data, 'snapshots/s')
  for (const folder of [places.run, places.checkpoints, places.savepoints, places.given, places.code, kept]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  for (const file of [bundle, places.credentialsFile, join(kept, 'state')]) writeFileSync(file, '', { mode: 0o600 })
  openWays(data)
  handOver(places, { bundle, restoredFrom: kept }, 70_001)
  const can = (uid: number, access: string, path: string): boolean => {
    try {
      execFileSync('test', [access, path], { uid, gid: uid, cwd: '/' })
      return true
    } catch {
      return false
    }
  }
  for (const path of [places.run, places.checkpoints, places.savepoints]) expect(can(70_001, '-w', path)).toBe(true)
  for (const path of [bundle, places.credentialsFile, join(kept, 'state')]) {
    expect([can(70_001, '-r', path), can(70_001, '-w', path), can(70_002, '-r', path)]).toEqual([true, false, false])
  }
  for (const path of [data, join(data, 'apps'), places.folder]) expect(can(70_001, '-r', path)).toBe(false)
  expect(can(70_002, '-x', places.folder)).toBe(false)
})
