import { writeFileSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { EngineError } from '@millrace/engine'
import { bundleApplication } from './bundle-application.ts'

/** What `millrace build` was asked for. */
export interface BuildSettings {
  readonly output?: string
  readonly json?: boolean
}

/** Bundles an application with all it imports, but for the packages of Millrace, and prints the bundle's path. */
export async function buildCommand(application: string, { output, json = false }: BuildSettings): Promise<void> {
  const file = resolve(application)
  if (extname(file).toLowerCase() === '.zip') {
    throw new EngineError('APPLICATION_KIND_UNKNOWN', {
      kind: 'invalid',
      message: `${application} is a bundle already.`,
      hint: 'Name the module with the application: millrace build app.ts',
    })
  }
  const target = resolve(output ?? `${file.slice(0, -extname(file).length)}.zip`)
  const bundle = await bundleApplication(application)
  writeFileSync(target, bundle)
  process.stdout.write(`${json ? JSON.stringify({ bundle: target, bytes: bundle.length }) : target}\n`)
  const kilobytes = Math.ceil(bundle.length / 1024)
  process.stderr.write(`bundled ${application}: ${kilobytes} KiB; run it with: millrace run ${basename(target)}\n`)
}
