import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CreateStreamCommand, DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import { ProducerProcess } from '../examples/fraud-detection/src/start/producer-process.ts'
import { type ApplicationSettings, bundleOf, type ServiceNode, sleep } from './service-node.ts'

const SHARDS = 4
export const PARALLELISM = 2
const CHECKPOINT_INTERVAL_MS = 1000
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

export type Reader = 'fan-out' | 'polling'

let bundle: Promise<Uint8Array> | undefined

/** The fraud application's bundle, built once. */
export function fraudBundle(): Promise<Uint8Array> {
  bundle ??= bundleOf(here('../examples/fraud-detection/src/application.ts'))
  return bundle
}

/** Properties of the fraud application over a stream. */
export function fraudProperties(node: ServiceNode, name: string, stream: string, reader: Reader, intervalMs = 1000) {
  return {
    PropertyGroups: [
      {
        PropertyGroupId: 'fraud',
        PropertyMap: {
          stream,
          reader,
          output: join(node.outputDirectory, name),
          'checkpoint.interval.ms': String(intervalMs),
        },
      },
    ],
  }
}

/** What a job runs with: a checkpoint a second, snapshots, a KPU for each subtask. */
export function jobConfiguration(parallelism: number): ApplicationSettings {
  return {
    ApplicationSnapshotConfiguration: { SnapshotsEnabled: true },
    FlinkApplicationConfiguration: {
      ParallelismConfiguration: {
        ConfigurationType: 'CUSTOM',
        Parallelism: parallelism,
        ParallelismPerKPU: 1,
        AutoScalingEnabled: false,
      },
      CheckpointConfiguration: {
        ConfigurationType: 'CUSTOM',
        CheckpointingEnabled: true,
        CheckpointInterval: CHECKPOINT_INTERVAL_MS,
        MinPauseBetweenCheckpoints: 0,
      },
    },
  }
}

/** As `npm start` deploys it. */
export function fraudConfiguration(
  node: ServiceNode,
  name: string,
  stream: string,
  reader: Reader,
  parallelism = PARALLELISM,
): ApplicationSettings {
  return {
    ...jobConfiguration(parallelism),
    EnvironmentProperties: fraudProperties(node, name, stream, reader),
  }
}

/** Makes a stream of four shards and waits until it is there. */
export async function createStream(node: ServiceNode, stream: string): Promise<void> {
  const kinesis = new KinesisClient({ endpoint: node.url, maxAttempts: 10 })
  try {
    await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: SHARDS }))
    for (;;) {
      const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: stream }))
      if (StreamDescriptionSummary?.StreamStatus === 'ACTIVE') return
      await sleep(20)
    }
  } finally {
    kinesis.destroy()
  }
}

/** Puts transactions into a stream from a process of its own; resolves when it begins. */
export async function produce(node: ServiceNode, stream: string, rate: number): Promise<ProducerProcess> {
  const producer = new ProducerProcess({
    file: here('../examples/fraud-detection/src/producer.ts'),
    args: ['--stream', stream, '--endpoint', node.url, '--rate', String(rate)],
    env: node.env,
    onProgress: () => {},
    onFirstAlert: () => {},
  })
  await producer.ready
  producer.start()
  return producer
}
