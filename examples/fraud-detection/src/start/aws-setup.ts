import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-kinesis'
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { HttpProtocol } from '../producer/aws.ts'

export const STREAM = 'transactions'
export const TOPIC = 'fraud-alerts'
export const SHARDS = 4

/**
 * Makes the stream and the topic when they aren't there; answers with their ARNs. Without an endpoint those of the SDK's
 * environment.
 */
export async function ensureStreamAndTopic(
  endpoint: string | undefined,
  region: string,
  protocol: HttpProtocol,
): Promise<{ readonly streamArn: string; readonly topicArn: string }> {
  // Whatever else uses the service may have used up its quotas.
  const settings = { region, maxAttempts: 10, ...(endpoint === undefined ? {} : { endpoint }) }
  const http1 = protocol === 'http1.1' ? { requestHandler: new NodeHttpHandler() } : {}
  const kinesis = new KinesisClient({ ...settings, ...http1 })
  const sns = new SNSClient(settings)
  try {
    const streamArn = await ensureStream(kinesis)
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: TOPIC }))
    return { streamArn, topicArn: TopicArn as string }
  } finally {
    kinesis.destroy()
    sns.destroy()
  }
}

async function ensureStream(kinesis: KinesisClient): Promise<string> {
  await kinesis.send(new CreateStreamCommand({ StreamName: STREAM, ShardCount: SHARDS })).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error
  })
  for (let attempt = 0; attempt < 600; attempt++) {
    try {
      const { StreamDescriptionSummary: summary } = await kinesis.send(
        new DescribeStreamSummaryCommand({ StreamName: STREAM }),
      )
      if (summary?.StreamStatus === 'ACTIVE') return summary.StreamARN as string
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the stream ${STREAM} did not become ACTIVE`)
}

/** Makes the bucket of an `s3://bucket/…` path when it isn't there, where the SDK's environment says. */
export async function ensureBucket(path: string, region: string): Promise<void> {
  const { BucketAlreadyOwnedByYou, CreateBucketCommand, HeadBucketCommand, NotFound, S3Client } = await import(
    '@aws-sdk/client-s3'
  )
  const Bucket = new URL(path).hostname
  const forcePathStyle = (process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']) !== undefined
  const client = new S3Client({ region, forcePathStyle, maxAttempts: 10 })
  // S3's first region is the one that must not be named.
  const place = region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as never } }
  try {
    await client.send(new HeadBucketCommand({ Bucket })).catch(async (error: unknown) => {
      if (!(error instanceof NotFound)) throw error
      await client.send(new CreateBucketCommand({ Bucket, ...place }))
    })
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error
  } finally {
    client.destroy()
  }
}
