// Writes numbered records to S3 with a checkpoint every some hundred, from the last checkpoint in its folder on: to be
// killed at any moment. Arguments: endpoint, path of the output, folder of the checkpoints, number of records.
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { s3FileSystem } from '@millrace/connectors/s3'
import { holdProcess, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { localFileSystem, SinkAttempt, type SinkCheckpoint } from '@millrace/engine/testing'
import { numberedFiles } from '../../packages/connectors/src/files/testing/numbered-files.ts'

const [endpoint = '', path = '', folder = '', count = '0'] = process.argv.slice(2)
const records = Number(count)
const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom }
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const harness = numberedFiles({
  path,
  fileSystem: s3FileSystem({ endpoint, region: 'us-east-1', credentials }, parts),
  rollingBytes: 20_000,
})
const checkpoints = localFileSystem(parts)
const checkpointPath = (id: number) => join(folder, `chk-${String(id).padStart(6, '0')}`)

// While it waits for another try, nothing else keeps the process alive.
const hold = holdProcess()
const newest = (await checkpoints.list(folder)).at(-1)
const restored = newest === undefined ? undefined : (deserialize(await checkpoints.read(newest.path)) as SinkCheckpoint)
const attempt = await SinkAttempt.start(harness, { parallelism: 2, attempt: (restored?.id ?? 0) + 1, restored })
process.stdout.write('started\n')

let id = restored?.id ?? 0
for (let ended = false; !ended; ) {
  await attempt.write(Math.min(200, records - attempt.position))
  ended = attempt.position >= records
  const snapshot = attempt.snapshot(++id, ended ? 'end-of-input' : 'checkpoint')
  if (!ended) attempt.writeNow(Math.min(4, records - attempt.position))
  const checkpoint = await snapshot
  if (!(await checkpoints.createExclusive(checkpointPath(id), serialize(checkpoint)))) throw new Error('fenced')
  await attempt.commit(checkpoint)
}
await attempt.close()
hold.cancel()
