import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { zipSync } from 'fflate'
import { bundleEverything } from './bundle-source.ts'

/** The date zip entries carry: the same sources make the same bundle, byte by byte. */
const ENTRY_DATE = new Date('2000-01-01T00:00:00Z')

/** Bundles an application with all it imports, but for the packages of Millrace, and prints the bundle's path. */
export async function buildCommand(application: string, output: string | undefined): Promise<void> {
  const file = resolve(application)
  const target = resolve(output ?? `${file.slice(0, -extname(file).length)}.zip`)
  const { module, sourceMap } = await bundleEverything(file, application)
  const manifest = { name: basename(dirname(file)), type: 'module', main: 'app.mjs' }
  const entries = {
    'app.mjs': module,
    'app.mjs.map': sourceMap,
    'package.json': new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
  }
  writeFileSync(target, zipSync(entries, { mtime: ENTRY_DATE, level: 6 }))
  process.stdout.write(`${target}\n`)
  const kilobytes = Math.ceil(readFileSync(target).length / 1024)
  process.stderr.write(`bundled ${application}: ${kilobytes} KiB; run it with: millrace run ${basename(target)}\n`)
}
