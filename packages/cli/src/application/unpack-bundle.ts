import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { EngineError } from '@millrace/engine'
import { unzipSync } from 'fflate'
import { storeModule } from './module-cache.ts'
import type { PreparedApplication } from './prepared-application.ts'

const ENTRIES = ['app.mjs', 'index.mjs', 'main.mjs', 'app.js', 'index.js', 'main.js']
/** A bundle holds code; more than this isn't one. */
const MAX_UNPACKED_BYTES = 512 << 20

/**
 * Unpacks a bundle, a zip of JavaScript modules with their source maps. Its entry is `main` of its package.json, else
 * app.mjs, index.mjs or main.mjs (or the same as .js). Errors (invalid): `BUNDLE_INVALID`.
 */
export function unpackBundle(file: string, shownAs: string): PreparedApplication {
  const files = readZip(file, shownAs)
  const entry = entryOf(files, shownAs)
  // `.js` files are modules here, whatever lies around the cache.
  if (!files.has('package.json')) files.set('package.json', new TextEncoder().encode('{"type":"module"}\n'))
  const { folder, ensure } = storeModule(files, dirname(file))
  return { moduleFile: join(folder, entry), shownAs, inputs: [file], ensure }
}

function readZip(file: string, shownAs: string): Map<string, Uint8Array> {
  let sizeBytes = 0
  let entries: Record<string, Uint8Array>
  try {
    entries = unzipSync(readFileSync(file), {
      filter({ name, originalSize }) {
        sizeBytes += originalSize
        if (sizeBytes > MAX_UNPACKED_BYTES) throw new Error(`more than ${MAX_UNPACKED_BYTES} bytes unpacked`)
        return !name.endsWith('/')
      },
    })
  } catch (error) {
    throw invalid(shownAs, `it can't be unpacked (${(error as Error).message})`)
  }
  const files = new Map<string, Uint8Array>()
  for (const [name, bytes] of Object.entries(entries)) files.set(safePath(name, shownAs), bytes)
  return files
}

/** Paths stay inside the bundle's folder. */
function safePath(name: string, shownAs: string): string {
  const path = posix.normalize(name.replaceAll('\\', '/'))
  if (path.startsWith('../') || path === '..' || posix.isAbsolute(path) || /^[a-z]:/i.test(path)) {
    throw invalid(shownAs, `the path '${name}' leads out of it`)
  }
  return path
}

function entryOf(files: ReadonlyMap<string, Uint8Array>, shownAs: string): string {
  const manifest = files.get('package.json')
  if (manifest !== undefined) {
    const main = mainOf(manifest, shownAs)
    if (main !== undefined) {
      const path = safePath(main, shownAs)
      if (files.has(path)) return path
      throw invalid(shownAs, `its package.json names '${main}' as main, which isn't in it`)
    }
  }
  const entry = ENTRIES.find((name) => files.has(name))
  if (entry === undefined) throw invalid(shownAs, 'it has no app.mjs, and no package.json that names a main module')
  return entry
}

function mainOf(manifest: Uint8Array, shownAs: string): string | undefined {
  try {
    const { main } = JSON.parse(new TextDecoder().decode(manifest)) as { main?: unknown }
    return typeof main === 'string' ? main : undefined
  } catch (error) {
    throw invalid(shownAs, `its package.json isn't JSON (${(error as Error).message})`)
  }
}

function invalid(shownAs: string, what: string): EngineError {
  return new EngineError('BUNDLE_INVALID', {
    kind: 'invalid',
    message: `${shownAs} isn't a bundle that can be run: ${what}.`,
    hint: 'Make one with: millrace build app.ts',
    details: { bundle: shownAs },
  })
}
