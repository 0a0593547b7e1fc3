import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const commandFile = join(repository, 'packages/cli/dist/millrace.mjs')

/** Builds the command, and with it a bundle of its application `counting`. */
export function countingBundle(): Uint8Array {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: repository, stdio: 'pipe' })
  const counting = join(repository, 'packages/cli/src/testing/applications/counting.ts')
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bundle-'))
  const file = join(folder, 'counting.zip')
  execFileSync(process.execPath, [commandFile, 'build', counting, '--output', file], { stdio: 'pipe' })
  const bundle = readFileSync(file)
  rmSync(folder, { recursive: true })
  return bundle
}

/** A service in a process of its own, and what opens it. */
export interface ServiceProcess {
  readonly process: ChildProcess
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Starts `managed-jobs-fixture.ts`; resolves when it serves. */
export async function startServiceProcess(directory: string, env = process.env): Promise<ServiceProcess> {
  const entry = fileURLToPath(new URL('./managed-jobs-fixture.ts', import.meta.url))
  const options = ['--conditions=millrace-source', '--import', 'tsx', entry, directory, commandFile]
  const service = spawn(process.execPath, options, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(service.stdout, 'data')) as [Buffer]
  return { process: service, ...JSON.parse(line.toString()) }
}
