import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { s3FileSystem } from '@millrace/connectors/s3'
import { seededRandom, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { describeFileSystem, describeSink, runSinkAtRandom, type SinkHarness } from '@millrace/engine/testing'
import { numberedFiles, visibleNumbers } from '../../packages/connectors/src/files/testing/numbered-files.ts'
import { startMoto } from './moto-server.ts'
import { runSuites } from './suite-runner.ts'

const MIB = 1024 * 1024
const KILLS = 12
const RECORDS = 6000

/**
 * The `s3` file system and the `files` sink on it against a server that others wrote: the contract suites, random kills
 * with parts of real size, and a process killed by SIGKILL again and again.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const moto = await startMoto(log)
  try {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const client = new S3Client({ endpoint: moto.endpoint, region: 'us-east-1', credentials, forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: 'millrace' }))
    client.destroy()
    await suites(moto.endpoint, log)
    await randomKills(moto.endpoint, log)
    await killedProcess(moto.endpoint, log)
  } finally {
    await moto.stop()
  }
}

function open(endpoint: string, aheadMs: () => number = () => 0) {
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs() }
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const options = { endpoint, region: 'us-east-1', credentials, unavailableAfterMs: 200 }
  return s3FileSystem(options, { clock, scheduler: systemScheduler, random: systemRandom })
}

async function suites(endpoint: string, log: (line: string) => void): Promise<void> {
  let folders = 0
  const openFiles = async () => {
    let aheadMs = 0
    const files = () => open(endpoint, () => aheadMs)
    return {
      first: files(),
      second: files(),
      folder: `s3://millrace/contract-${++folders}`,
      largeBytes: 11 * MIB + 1,
      // moto says of every upload that it began in 2010.
      tellsAge: false,
      advance: (ms: number) => {
        aheadMs += ms
      },
      close: async () => {},
    }
  }
  const openSink = async () =>
    numberedFiles({ path: `s3://millrace/sink-${++folders}`, fileSystem: open(endpoint), rollingBytes: 900 })
  const passed = await runSuites((kit) => {
    describeFileSystem('S3 of moto', openFiles, kit)
    describeSink('files on S3 of moto', openSink, kit, { seeds: 5 })
  }, log)
  log(`s3 against moto: ${passed} contract tests passed`)
}

/** Lines of megabytes, so that uploads have several parts when they are killed. */
async function randomKills(endpoint: string, log: (line: string) => void): Promise<void> {
  for (const seed of [1, 2, 3]) {
    const path = `s3://millrace/large-${seed}`
    const harness = numberedFiles({ path, fileSystem: open(endpoint), paddingChars: 2 * MIB, rollingBytes: 24 * MIB })
    const { attempts, checkpoints } = await runSinkAtRandom(harness, { seed, records: 60, killShare: 0.1 })
    const { lost, duplicated } = await compare(harness, 60)
    log(
      `s3 random kills, seed ${seed}: ${attempts} attempts, ${checkpoints} checkpoints, lost ${lost}, duplicated ${duplicated}`,
    )
    if (lost + duplicated > 0) throw new Error(`seed ${seed}: lost ${lost}, duplicated ${duplicated}`)
  }
}

async function compare<T>(harness: SinkHarness<T>, count: number): Promise<{ lost: number; duplicated: number }> {
  const seen = await harness.visible()
  const distinct = new Set(seen)
  return { lost: count - distinct.size, duplicated: seen.length - distinct.size }
}

async function killedProcess(endpoint: string, log: (line: string) => void): Promise<void> {
  const random = seededRandom(7)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-s3-'))
  const path = 's3://millrace/killed'
  const writer = fileURLToPath(new URL('foreign-s3-writer.ts', import.meta.url))
  try {
    let kills = 0
    for (;;) {
      const args = [...process.execArgv, writer, endpoint, path, folder, String(RECORDS)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
      await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))])
      if (kills < KILLS) {
        await Promise.race([ended, sleep(random.int(20, 700))])
        if (child.kill('SIGKILL')) kills++
      }
      const code = await ended
      if (code === 0) break
      if (code !== null) throw new Error(`the writer ended with ${code}`)
    }
    const seen = await visibleNumbers(open(endpoint), path)
    const distinct = new Set(seen)
    const lost = RECORDS - distinct.size
    const duplicated = seen.length - distinct.size
    log(`s3 killed process: ${kills} kills, ${RECORDS} records, lost ${lost}, duplicated ${duplicated}`)
    if (lost + duplicated > 0 || kills === 0) throw new Error(`lost ${lost}, duplicated ${duplicated}, kills ${kills}`)
  } finally {
    await rm(folder, { recursive: true })
  }
}
