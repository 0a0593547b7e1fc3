import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The version of this package, from its own package.json: one folder up from `src` and from `dist` alike. */
export function packageVersion(): string {
  const file = fileURLToPath(new URL('../package.json', import.meta.url))
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
