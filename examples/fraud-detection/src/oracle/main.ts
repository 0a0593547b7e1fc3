import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { compare } from './compare.ts'
import { startEndpoint } from './endpoint.ts'
import { readAcknowledged, readLog, readOutputs, readPlanted } from './read.ts'

/*
 * The oracle: reads the log back, recomputes what must have come of it, compares that with the files.
 *
 *   main.ts --dir DIR [--stream NAME] [--endpoint URL] [--http-protocol http2]
 *
 * Without an endpoint, also none by AWS_ENDPOINT_URL(_KINESIS), it starts one on DIR for the time. The last line on
 * standard output is one JSON object (see README.md); exit code 0 when all is as it must be, else 1.
 */
const { values: options } = parseArgs({
  options: {
    dir: { type: 'string' },
    stream: { type: 'string', default: 'transactions' },
    endpoint: { type: 'string' },
    'http-protocol': { type: 'string', default: 'http2' },
  },
})
if (options.dir === undefined) throw new Error('Say where the application wrote: --dir DIR')
if (!['http2', 'http1.1'].includes(options['http-protocol']))
  throw new Error('--http-protocol must be http2 or http1.1')
const directory = resolve(options.dir)
const credentials = join(directory, 'credentials')
if (existsSync(credentials)) process.env['AWS_SHARED_CREDENTIALS_FILE'] ??= credentials

const isGiven = process.env['AWS_ENDPOINT_URL'] !== undefined || process.env['AWS_ENDPOINT_URL_KINESIS'] !== undefined
const own = options.endpoint === undefined && !isGiven ? await startEndpoint(directory) : undefined
const endpoint = options.endpoint ?? own?.url
const client = new KinesisClient({
  region: process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
  ...(endpoint === undefined ? {} : { endpoint }),
  // For endpoints whose HTTP/2 is incomplete.
  ...(options['http-protocol'] === 'http1.1' ? { requestHandler: new NodeHttpHandler() } : {}),
  // Whoever else reads may have used up what a shard gives in a second.
  maxAttempts: 20,
})
const log = await readLog(client, options.stream)
client.destroy()
own?.stop()

const outputs = await readOutputs(directory)
const acknowledged = await readAcknowledged(directory)
const planted = await readPlanted(directory)
const { examples, equal, differences, lost, duplicated } = compare(log, outputs, acknowledged.positions)

const flagged = new Set(outputs.flagged.flatMap(({ id, rules }) => (rules as string[]).map((rule) => `${id} ${rule}`)))
const plantedFound = planted.filter(({ id, rule }) => flagged.has(`${id} ${rule}`)).length
// No two records of the generator are alike: equal text is one transaction put twice.
const repeated = log.length - new Set(log.map(({ text }) => text)).size
const rows = Object.fromEntries(Object.entries(outputs).map(([name, { length }]) => [name, length]))

for (const example of examples) console.error(example)
console.log(
  JSON.stringify({
    equal,
    differences,
    lost,
    duplicated,
    records: log.length,
    acknowledged: acknowledged.transactions.size,
    producerRetried: repeated,
    planted: planted.length,
    plantedFound,
    ...rows,
  }),
)
process.exitCode = equal && plantedFound === planted.length ? 0 : 1
