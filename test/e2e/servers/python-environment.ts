import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/**
 * A Python environment of its own under `.cache` with one package in it, installed from PyPI when it isn't there. Needs
 * python3.
 *
 * @param packageSpec as for pip, with its version: `moto[server]==5.2.5`
 * @returns its folder of programs
 */
export async function pythonEnvironment(
  name: string,
  packageSpec: string,
  log: (line: string) => void,
): Promise<string> {
  const venv = resolve('.cache', name)
  const programs = join(venv, 'bin')
  const marker = join(venv, `.${packageSpec.replace(/[^\w.]+/g, '-')}`)
  if (existsSync(marker)) return programs
  log(`installing ${packageSpec} into .cache`)
  const run = promisify(execFile)
  await rm(venv, { recursive: true, force: true })
  await mkdir(resolve('.cache'), { recursive: true })
  await run('python3', ['-m', 'venv', venv])
  await run(join(programs, 'pip'), ['install', '--quiet', packageSpec])
  // Last, so that an interrupted installation is made again.
  await mkdir(`${marker}.new`)
  await rename(`${marker}.new`, marker)
  return programs
}
