import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Starts `millrace serve` on a directory whose endpoint isn't up. */
export async function startEndpoint(directory: string): Promise<{ readonly url: string; stop(): void }> {
  const options = ['serve', '--role', 'streams', '--data', directory, '--port', '0']
  const child = spawn(commandPath(), options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`millrace serve ended with code ${code} before it was ready`)))
  })
  exited.catch(() => {})
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^millrace ready (\S+)/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
  return { url: await Promise.race([ready, exited]), stop: () => child.kill('SIGTERM') }
}

function commandPath(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', '.bin', 'millrace')
    if (existsSync(path)) return path
    if (folder === dirname(folder))
      throw new Error('The command millrace is not installed; run npm ci && npm run build')
  }
}
