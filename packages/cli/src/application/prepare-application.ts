import { existsSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { EngineError } from '@millrace/engine'
import { bundleSource } from './bundle-source.ts'
import type { PreparedApplication } from './prepared-application.ts'
import { unpackBundle } from './unpack-bundle.ts'

const SOURCES = ['.ts', '.mts', '.tsx']
const MODULES = ['.mjs', '.js']

/**
 * Makes a loadable module of what the user named: TypeScript is bundled, JavaScript taken as it is, a zip unpacked.
 * Errors (invalid): `APPLICATION_NOT_FOUND`, `APPLICATION_KIND_UNKNOWN`, `APPLICATION_NOT_BUNDLED`, `BUNDLE_INVALID`.
 */
export async function prepareApplication(named: string): Promise<PreparedApplication> {
  const file = resolve(named)
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new EngineError('APPLICATION_NOT_FOUND', {
      kind: 'invalid',
      message: `There is no file ${file}.`,
      hint: 'Name the application: millrace run app.ts',
      details: { file },
    })
  }
  const extension = extname(file).toLowerCase()
  if (SOURCES.includes(extension)) return bundleSource(file, named)
  if (MODULES.includes(extension)) return { moduleFile: file, shownAs: named, inputs: [file], ensure() {} }
  if (extension === '.zip') return unpackBundle(file, named)
  throw new EngineError('APPLICATION_KIND_UNKNOWN', {
    kind: 'invalid',
    message: `${named} is neither TypeScript (.ts), JavaScript (.mjs, .js) nor a bundle (.zip).`,
    hint: 'Name the module with the application: millrace run app.ts',
    details: { file },
  })
}
