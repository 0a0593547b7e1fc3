import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** Builds what has changed and answers with the command's file, for tests that start processes. */
export function builtCommand(): string {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: repository, stdio: 'pipe' })
  return fileURLToPath(new URL('../../dist/millrace.mjs', import.meta.url))
}

/** An application of the folder `applications`. */
export function testApplication(name: string): string {
  return fileURLToPath(new URL(`./applications/${name}`, import.meta.url))
}
