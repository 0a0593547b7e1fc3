/**
 * An endpoint as a process of its own, for tests that kill it: takes settings as JSON in its first argument, prints one
 * line of JSON with url, accessKeyId and secretAccessKey when it is ready, closes on SIGTERM.
 */
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { startEndpoint } from './endpoint.ts'

const endpoint = await startEndpoint(JSON.parse(process.argv[2] ?? '{}'), {
  clock: systemClock,
  scheduler: systemScheduler,
  random: systemRandom,
  logger: silentLogger,
})
process.stdout.write(`${JSON.stringify({ url: endpoint.url, ...endpoint.credentials })}\n`)
process.once('SIGTERM', () => {
  void endpoint.close().then(() => process.exit(0))
})
