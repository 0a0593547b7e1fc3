import { fileURLToPath } from 'node:url'
import { type LaunchSettings, launchApplication } from '@millrace/service/launchers'
import { cpuSecondsOf } from './process-usage.ts'

const SAMPLE_MS = 250

/** Runs an application by the built command, as a child, to its end; answers with the processor time of all its threads. */
export async function runApplication(
  settings: Omit<LaunchSettings, 'commandFile'>,
): Promise<{ readonly cpuSeconds: number }> {
  const commandFile = fileURLToPath(import.meta.resolve('millrace/command'))
  const application = launchApplication({ commandFile, ...settings })
  let cpuSeconds = 0
  const timer = setInterval(() => {
    cpuSeconds = cpuSecondsOf(application.pid) ?? cpuSeconds
  }, SAMPLE_MS)
  const { code, cause, stderr } = await application.exited
  clearInterval(timer)
  if (code !== 0) throw new Error(`${settings.application} ended with exit code ${code}: ${cause?.message ?? stderr}`)
  return { cpuSeconds }
}
