import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { goldenFiles, goldenUrl } from './golden-files.ts'

/** `npm run golden`: compares the golden files with what today's code writes; with `--update` rewrites them. */
const { values } = parseArgs({ options: { update: { type: 'boolean', default: false } } })

let different = 0
for (const { path, make } of goldenFiles) {
  const url = goldenUrl(path)
  const made = make()
  const isSame = existsSync(url) && readFileSync(url, 'utf8') === made
  if (!isSame && values.update) writeFileSync(url, made)
  if (!isSame) different++
  console.log(`${isSame ? 'same' : values.update ? 'rewritten' : 'DIFFERENT'}  ${path}`)
}
if (different > 0 && !values.update) {
  console.log('State on disk looks like these files. If the change is meant, it is a new format version.')
  process.exitCode = 1
}
