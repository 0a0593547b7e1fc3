import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const VERSION = '1.44.5'
const run = promisify(execFile)

/** A Python with boto3 under `.cache`, made when it isn't there; undefined where there is no python3. */
export async function python3WithBoto3(log: (line: string) => void): Promise<string | undefined> {
  const venv = resolve('.cache/venv')
  const marker = join(venv, `.boto3-${VERSION}`)
  const python = join(venv, 'bin/python')
  if (existsSync(marker)) return python
  try {
    await run('python3', ['--version'])
  } catch {
    return undefined
  }
  log(`installing boto3 ${VERSION} into .cache`)
  await rm(venv, { recursive: true, force: true })
  await mkdir(resolve('.cache'), { recursive: true })
  await run('python3', ['-m', 'venv', venv])
  await run(join(venv, 'bin/pip'), ['install', '--quiet', `boto3==${VERSION}`])
  // Last, so that an interrupted installation is made again.
  await mkdir(`${marker}.new`)
  await rename(`${marker}.new`, marker)
  return python
}
