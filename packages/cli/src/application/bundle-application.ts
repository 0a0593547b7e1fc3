import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { EngineError } from '@millrace/engine'
import { zipSync } from 'fflate'
import { bundleEverything } from './bundle-source.ts'

/** The date zip entries carry: the same sources make the same bundle, byte by byte. */
const ENTRY_DATE = new Date('2000-01-01T00:00:00Z')

/**
 * The zip of an application with all it imports, but for the packages of Millrace. What is a bundle already is read as
 * it is. Errors (invalid): `APPLICATION_NOT_FOUND`, `APPLICATION_NOT_BUNDLED`.
 */
export async function bundleApplication(application: string): Promise<Uint8Array> {
  const file = resolve(application)
  if (extname(file).toLowerCase() === '.zip') return readBundle(file)
  const { module, sourceMap } = await bundleEverything(file, application)
  const manifest = { name: basename(dirname(file)), type: 'module', main: 'app.mjs' }
  const entries = {
    'app.mjs': module,
    'app.mjs.map': sourceMap,
    'package.json': new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
  }
  return zipSync(entries, { mtime: ENTRY_DATE, level: 6 })
}

function readBundle(file: string): Uint8Array {
  if (existsSync(file)) return readFileSync(file)
  throw new EngineError('APPLICATION_NOT_FOUND', {
    kind: 'invalid',
    message: `There is no file ${file}.`,
    hint: 'Make a bundle with: millrace build app.ts',
    details: { file },
  })
}
