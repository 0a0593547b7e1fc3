import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localFileSystem } from '@millrace/engine/host'
import { systemClock, systemRandom } from '@millrace/engine/spi'
import { zipSync } from 'fflate'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CodeStore } from '../applications/code/code-store.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { fencedStore } from './fenced-store.ts'
import { loadOrCreateNodeId } from './node-id.ts'
import { SharedCode } from './shared-code.ts'
import type { Placement } from './zone-store.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-zones-'))
})
afterEach(() => rm(folder, { recursive: true }))

const packageJson = Buffer.from('{"main":"app.mjs"}')
const bytes = Buffer.from('a bundle')
const sha256 = createHash('sha256').update(bytes).digest('hex')
const file = `apps/x/code/${sha256}.zip`

test('code that one node has stored is found by another, and checked', async () => {
  const files = localFileSystem({ clock: systemClock, random: systemRandom })
  const code = new SharedCode(files, `${folder}/state/`)
  const node = join(folder, 'node')
  await expect(code.fetch({ file, sha256 }, node)).rejects.toMatchObject({ code: 'CODE_MISSING', kind: 'unavailable' })
  const shared = await code.put(sha256, bytes, 1000)
  expect(await code.put(sha256, bytes, 1000)).toBe(shared)
  await code.fetch({ file, sha256, shared }, node)
  expect(await readFile(join(node, file))).toEqual(bytes)
  // One that a crash has cut short is fetched again; what is right isn't.
  await writeFile(join(node, file), 'a bun')
  await code.fetch({ file, sha256, shared }, node)
  expect(await readFile(join(node, file))).toEqual(bytes)
  await rm(join(folder, 'state'), { recursive: true })
  await code.fetch({ file, sha256, shared }, node)
  expect(await readdir(join(node, 'apps/x/code'))).toEqual([`${sha256}.zip`])
})

test('code that a call brings is shared when it is stored', async () => {
  const files = localFileSystem({ clock: systemClock, random: systemRandom })
  const shared = new SharedCode(files, join(folder, 'state'))
  const zip = Buffer.from(zipSync({ 'app.mjs': Buffer.from('export default 1\n'), 'package.json': packageJson }))
  const accepting = join(folder, 'accepting')
  await mkdir(accepting)
  const stored = await new CodeStore(accepting, undefined, (sha256, bytes) => shared.put(sha256, bytes, 1000)).store(
    { name: 'x', serviceExecutionRole: 'r' },
    { contentType: 'ZIPFILE', zip },
  )
  const running = join(folder, 'running')
  await shared.fetch(stored, running)
  expect(await readFile(join(running, stored.file))).toEqual(zip)
})

test('shared code that was changed is refused', async () => {
  const files = localFileSystem({ clock: systemClock, random: systemRandom })
  const code = new SharedCode(files, join(folder, 'state'))
  const shared = await code.put(sha256, Buffer.from('another'), 1000)
  await expect(code.fetch({ file, sha256, shared }, folder)).rejects.toMatchObject({
    code: 'CODE_CORRUPT',
    kind: 'corrupt',
  })
})

test('a fenced store writes while its owner owns the application', async () => {
  const placements = new Map<string, Placement>()
  const store = new MemoryApplicationStore(placements)
  await store.createApplication(anApplication('x'), {}, anOperation('x', 'o'))
  expect(fencedStore(store, undefined)).toBe(store)
  const fenced = fencedStore(store, { node: 'n1', epoch: 3 })
  const ready = { status: 'READY', versionId: 1 } as const
  placements.set('x', { application: 'x', node: 'n1', epoch: 3 })
  expect(await fenced.application('x')).toEqual(anApplication('x'))
  expect(await fenced.change('x', ready, { description: 'd' }, [])).toBe(true)
  placements.set('x', { application: 'x', node: 'n2', epoch: 4 })
  const lost = { code: 'OWNERSHIP_LOST', kind: 'fenced' }
  await expect(fenced.change('x', ready, { description: 'e' }, [])).rejects.toMatchObject(lost)
  await expect(fenced.deleteApplication('x', anOperation('x', 'd'))).rejects.toMatchObject(lost)
  expect(await store.application('x')).toMatchObject({ description: 'd' })
})

test('a node keeps its id with its data directory', async () => {
  const id = await loadOrCreateNodeId(folder)
  expect(await loadOrCreateNodeId(folder)).toBe(id)
  await writeFile(join(folder, 'node-id'), 'n1')
  await expect(loadOrCreateNodeId(folder)).rejects.toMatchObject({ code: 'NODE_ID_INVALID', kind: 'invalid' })
})
