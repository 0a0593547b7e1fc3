import { type Report, say } from './figures.ts'
import type { BenchOptions } from './main.ts'
import type { ServiceBenchPart } from './service-figures.ts'

/** What is measured about the managed service, by name; `--only a,b` takes some of them. */
const parts: Readonly<Record<string, () => Promise<ServiceBenchPart>>> = {
  start: async () => (await import('./service-start.ts')).measureStart,
  update: async () => (await import('./service-gap.ts')).measureUpdate,
  rescale: async () => (await import('./service-gap.ts')).measureRescale,
  restore: async () => (await import('./service-restore.ts')).measureRestore,
  kill: async () => (await import('./service-gap.ts')).measureKill,
  'node-loss': async () => (await import('./service-node-loss.ts')).measureNodeLoss,
  wake: async () => (await import('./service-wake.ts')).measureWake,
  idle: async () => (await import('./service-idle.ts')).measureIdle,
  api: async () => (await import('./service-api.ts')).measureApi,
}

/** A single node of `millrace serve` and applications on it, driven by the AWS SDK: each figure with its bar. */
export async function run(report: Report, runs: number, { only, quick }: BenchOptions): Promise<void> {
  const names = only ?? Object.keys(parts)
  const unknown = names.find((name) => !(name in parts))
  if (unknown !== undefined)
    throw new Error(`There is no part ${unknown} of service, but ${Object.keys(parts).join(', ')}.`)
  for (const name of names) {
    say(`service: ${name}…`)
    const part = await (parts[name] as () => Promise<ServiceBenchPart>)()
    await part(report, { runs, quick })
  }
}
