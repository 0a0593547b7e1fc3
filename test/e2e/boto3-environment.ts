import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pythonEnvironment } from './servers/python-environment.ts'

const VERSION = '1.44.5'

/** A Python with boto3 under `.cache`, made when it isn't there; undefined where there is no python3. */
export async function python3WithBoto3(log: (line: string) => void): Promise<string | undefined> {
  try {
    await promisify(execFile)('python3', ['--version'])
  } catch {
    return undefined
  }
  return join(await pythonEnvironment('venv', `boto3==${VERSION}`, log), 'python')
}
