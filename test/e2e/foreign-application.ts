import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FraudRun } from '../../examples/fraud-detection/src/start/fraud-run.ts'
import { runResult } from '../../examples/fraud-detection/src/start/result.ts'
import { type Fault, type FaultProxy, type FaultRule, startFaultProxy } from './fault-proxy.ts'
import { startMoto } from './moto-server.ts'
import { startKinesisLocal } from './servers/kinesis-local.ts'
import { startMinistack } from './servers/ministack.ts'

const TRANSACTIONS = 3_000
/** What kinesis-local keeps up with on a small machine. */
const RATE = 300
const SEED = 11
const CHECKPOINTS_BEFORE_KILL = 3
const RUN_TIMEOUT_MS = 100_000

type Service = 'kinesis' | 'sns' | 's3'

/** The first that fits a call decides: those of certain calls stand first. */
const rules: Readonly<Record<Service, readonly FaultRule[]>> = {
  kinesis: [
    { operation: 'PutRecords', fault: 'drop-answer', calls: [4] },
    { operation: 'PutRecords', fault: 'throttle', calls: [7] },
    { operation: 'PutRecords', fault: 'partial-failure', probability: 0.2 },
    { operation: 'PutRecords', fault: 'throttle', probability: 0.05 },
    { operation: 'GetRecords', fault: 'expire-iterator', calls: [6] },
    { operation: 'GetRecords', fault: 'expire-iterator', probability: 0.1 },
    { operation: 'GetRecords', fault: 'throttle', probability: 0.1 },
    { operation: 'GetRecords', fault: 'drop-answer', probability: 0.05 },
    { operation: 'GetRecords', fault: 'empty-answer', probability: 0.05 },
    { operation: 'GetShardIterator', fault: 'throttle', probability: 0.1 },
    { operation: 'SubscribeToShard', fault: 'cut-stream', calls: [2] },
    { operation: 'SubscribeToShard', fault: 'throttle', probability: 0.1 },
    { operation: 'SubscribeToShard', fault: 'cut-stream', probability: 0.5 },
  ],
  sns: [
    { operation: 'PublishBatch', fault: 'throttle', calls: [2] },
    { operation: 'PublishBatch', fault: 'partial-failure', calls: [4, 5] },
    { operation: 'PublishBatch', fault: 'drop-answer', calls: [7] },
    { operation: 'PublishBatch', fault: 'throttle', probability: 0.1 },
    { operation: 'PublishBatch', fault: 'partial-failure', probability: 0.2 },
    { operation: 'PublishBatch', fault: 'drop-answer', probability: 0.1 },
  ],
  s3: [
    { operation: 'CreateMultipartUpload', fault: 'throttle', probability: 0.1 },
    { operation: 'UploadPart', fault: 'throttle', probability: 0.1 },
    { operation: 'UploadPart', fault: 'drop-answer', probability: 0.1 },
    { operation: 'CompleteMultipartUpload', fault: 'throttle', calls: [1] },
    { operation: 'CompleteMultipartUpload', fault: 'drop-answer', calls: [3] },
    { operation: 'CompleteMultipartUpload', fault: 'throttle', probability: 0.15 },
    { operation: 'CompleteMultipartUpload', fault: 'drop-answer', probability: 0.15 },
    { operation: 'PutObject', fault: 'throttle', probability: 0.03 },
    { operation: 'PutObject (conditional)', fault: 'drop-answer', calls: [3] },
    { operation: 'PutObject (conditional)', fault: 'throttle', probability: 0.1 },
    { operation: 'GetObject', fault: 'throttle', probability: 0.03 },
  ],
}

/** Faults a run must have met, so that a quiet proxy is no success. */
const expectedFaults: Readonly<Record<Service, readonly Fault[]>> = {
  kinesis: ['partial-failure', 'throttle', 'drop-answer'],
  sns: ['partial-failure', 'throttle', 'drop-answer'],
  s3: ['throttle', 'drop-answer'],
}

/**
 * The whole fraud application on services we didn't write: Kinesis of kinesis-local, outputs and checkpoints on S3 of moto,
 * alerts by SNS of moto or ministack, each behind a proxy that throttles, fails in part, expires, cuts and loses answers;
 * the application is killed in the middle. Nothing may be lost or doubled, and the oracle must agree. Throws what differs.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const moto = await startMoto(log)
  try {
    await runThrough('polling', { s3: moto.endpoint, sns: moto.endpoint }, log)
    const ministack = await startMinistack(log)
    try {
      await runThrough('fan-out', { s3: moto.endpoint, sns: ministack.endpoint }, log)
    } finally {
      await ministack.stop()
    }
  } finally {
    await moto.stop()
  }
}

async function runThrough(
  source: 'polling' | 'fan-out',
  servers: { readonly s3: string; readonly sns: string },
  log: (line: string) => void,
): Promise<void> {
  const kinesis = await startKinesisLocal(log)
  const targets: readonly (readonly [Service, string])[] = [
    ['kinesis', kinesis.url],
    ['sns', servers.sns],
    ['s3', servers.s3],
  ]
  const proxies = new Map<Service, FaultProxy>()
  const dir = await mkdtemp(join(tmpdir(), 'millrace-foreign-'))
  const environment = { ...process.env }
  try {
    for (const [service, target] of targets) proxies.set(service, await startFaultProxy(target, rules[service], SEED))
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_KINESIS: proxies.get('kinesis')?.url,
      AWS_ENDPOINT_URL_SNS: proxies.get('sns')?.url,
      AWS_ENDPOINT_URL_S3: proxies.get('s3')?.url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
    })
    const quiet = () => {
      for (const proxy of proxies.values()) proxy.setRules([])
    }
    const told = await runKilled(source, dir, quiet)
    const done = [...proxies].map(([service, { done }]) => `${service} ${faultsOf(done)}`)
    log(`${source}: ${told} through ${done.join('; ')}`)
    for (const [service, { done }] of proxies) {
      for (const fault of expectedFaults[service]) assert.ok(done[fault] > 0, `${service}'s proxy has done: ${fault}`)
    }
    const ownFault = source === 'polling' ? 'expire-iterator' : 'cut-stream'
    assert.ok((proxies.get('kinesis')?.done[ownFault] ?? 0) > 0, `kinesis' proxy has done: ${ownFault}`)
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
    Object.assign(process.env, environment)
    for (const proxy of proxies.values()) await proxy.close()
    await kinesis.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Runs all of it to its end with one kill in between, the oracle in quiet; what came of it, in words. */
async function runKilled(source: 'polling' | 'fan-out', dir: string, quiet: () => void): Promise<string> {
  const notes: string[] = []
  const fraud = new FraudRun(
    {
      dir,
      source,
      transactions: TRANSACTIONS,
      rate: RATE,
      seed: SEED,
      port: undefined,
      parallelism: 2,
      threads: 2,
      checkpointIntervalMs: 1_000,
      throttling: true,
      endpoint: 'aws',
      httpProtocol: 'http1.1',
      output: `s3://fraud-${source}/run`,
    },
    {
      onCheckpoint: () => {
        if (fraud.checkpoints === CHECKPOINTS_BEFORE_KILL) fraud.application?.kill()
      },
      onNote: (note) => notes.push(note),
    },
  )
  const story = async () => {
    await fraud.start()
    await fraud.processed()
    await fraud.stopApplication(true)
    const producer = await fraud.finishProducer(20_000)
    quiet()
    return runResult(fraud, producer, await fraud.oracle())
  }
  try {
    const timeout = new AbortController()
    const tooLong = sleep(RUN_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`${source}: not done after ${RUN_TIMEOUT_MS} ms: ${notes.join('; ')}`)
    })
    tooLong.catch(() => {})
    const result = await Promise.race([story(), tooLong, fraud.failure]).finally(() => timeout.abort())
    const { acknowledged, lost, duplicated, oracle, planted, plantedFound, alerts, flagged, restarts } = result
    assert.deepEqual(
      { acknowledged, lost, duplicated, oracle, plantedFound, alerts },
      {
        acknowledged: TRANSACTIONS,
        lost: 0,
        duplicated: 0,
        oracle: { equal: true, differences: 0 },
        plantedFound: planted,
        alerts: flagged,
      },
    )
    assert.ok(planted > 0 && flagged > planted / 2, 'there were frauds to find')
    assert.ok(restarts > 0, 'the application was killed')
    const { producerRetried, checkpoints } = result
    return (
      `${acknowledged} transactions, ${producerRetried} put twice, lost ${lost}, duplicated ${duplicated}, ` +
      `${alerts} alerts, ${plantedFound} planted found, ${checkpoints} checkpoints, ${restarts} restarts`
    )
  } finally {
    await fraud.close()
  }
}

function faultsOf(done: Readonly<Record<Fault, number>>): string {
  return Object.entries(done)
    .filter(([, times]) => times > 0)
    .map(([fault, times]) => `${fault} ${times}`)
    .join(', ')
}
