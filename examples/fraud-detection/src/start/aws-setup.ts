import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-kinesis'
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns'

export const STREAM = 'transactions'
export const TOPIC = 'fraud-alerts'
export const SHARDS = 4

/** Makes the stream and the topic when they aren't there; answers with their ARNs. */
export async function ensureStreamAndTopic(
  endpoint: string | undefined,
  region: string,
): Promise<{ readonly streamArn: string; readonly topicArn: string }> {
  const settings = { region, ...(endpoint === undefined ? {} : { endpoint }) }
  const kinesis = new KinesisClient(settings)
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
