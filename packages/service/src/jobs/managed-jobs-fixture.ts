/**
 * A service with managed applications as a process of its own, for tests that kill it: data directory, command file and
 * MiB of a KPU as arguments; prints one line of JSON with url, accessKeyId and secretAccessKey; closes on SIGTERM.
 */
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { createLifecycle } from '../applications/create-lifecycle.ts'
import { startEndpoint } from '../endpoint.ts'
import { detectIsolation } from '../launchers/index.ts'

const [dataDirectory = '', commandFile = '', kpuMemoryMb = '4096'] = process.argv.slice(2)
const isolation = await detectIsolation(commandFile)
const jobs = { commandFile, cores: 2, isolation, allowUnisolated: true, kpuMemoryMb: Number(kpuMemoryMb) }
const endpoint = await startEndpoint(
  { dataDirectory },
  {
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
    logger: silentLogger,
    applications: { createLifecycle: (surroundings) => createLifecycle(jobs, surroundings) },
  },
)
process.stdout.write(`${JSON.stringify({ url: endpoint.url, ...endpoint.credentials })}\n`)
process.once('SIGTERM', () => {
  void endpoint.close().then(() => process.exit(0))
})
