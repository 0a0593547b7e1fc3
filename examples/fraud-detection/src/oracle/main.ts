import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { compare } from './compare.ts'
import { readAcknowledged, readLog, readOutputs } from './read.ts'

/*
 * The oracle: reads the log back, recomputes what must have come of it, compares that with the files.
 *
 *   main.ts --dir DIR [--stream NAME] [--endpoint URL] [--acknowledged FILE]
 *
 * The last line on standard output is one JSON object; exit code 0 when the outputs are equal, else 1.
 */
const { values: options } = parseArgs({
  options: {
    dir: { type: 'string' },
    stream: { type: 'string', default: 'transactions' },
    endpoint: { type: 'string' },
    acknowledged: { type: 'string' },
  },
})
if (options.dir === undefined) throw new Error('Say where the application wrote: --dir DIR')
const directory = resolve(options.dir)
const acknowledgedFile = options.acknowledged ?? join(directory, 'acknowledged.txt')
const credentials = join(directory, 'credentials')
if (existsSync(credentials)) process.env['AWS_SHARED_CREDENTIALS_FILE'] ??= credentials

const client = new KinesisClient({
  region: process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
  ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  // Reading back may be throttled for a while by whoever else reads.
  maxAttempts: 20,
})
const log = await readLog(client, options.stream)
client.destroy()
const outputs = await readOutputs(directory)
const acknowledged = existsSync(acknowledgedFile) ? await readAcknowledged(acknowledgedFile) : []
const { examples, ...result } = compare(log, outputs, acknowledged)

for (const example of examples) console.error(example)
const counts = Object.fromEntries(Object.entries(outputs).map(([name, rows]) => [name, rows.length]))
console.log(JSON.stringify({ ...result, records: log.length, acknowledged: acknowledged.length, ...counts }))
process.exitCode = result.equal ? 0 : 1
