import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { EngineError } from '@millrace/engine'
import { packageVersion } from '../version.ts'
import { templateFiles } from './template.ts'

/** Makes a folder with an application that runs without any server. Errors (invalid): `FOLDER_NOT_EMPTY`. */
export function initCommand(directory: string): void {
  const folder = resolve(directory)
  const files = templateFiles(basename(folder), packageVersion())
  const taken = Object.keys(files).filter((name) => existsSync(join(folder, name)))
  if (taken.length > 0) {
    throw new EngineError('FOLDER_NOT_EMPTY', {
      kind: 'invalid',
      message: `${folder} has ${taken.join(', ')} already; nothing was written.`,
      hint: 'Name a new folder: millrace init my-application',
      details: { folder, taken },
    })
  }
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const enter = relative(process.cwd(), folder)
  const steps = [...(enter === '' ? [] : [`cd ${enter}`]), 'npm install', 'npm start']
  process.stdout.write(`made ${folder}\n\n${steps.map((step) => `  ${step}`).join('\n')}\n`)
}
