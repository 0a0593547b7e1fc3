import { EngineError } from '@millrace/engine/spi'
import type { AwsCredentialsProvider } from '../access/role-credentials.ts'
import type { ShardPlace } from './source-probe.ts'

/** Asks shards whether they hold something. Failures are those of the AWS SDK and of the credentials. */
export interface ShardReader {
  iterator(place: ShardPlace): Promise<string>
  read(streamArn: string, iterator: string): Promise<ShardGlance>
  /** Ends calls that are under way. */
  close(): void
}

export interface ShardGlance {
  readonly hasRecord: boolean
  /** Undefined at the end of a closed shard. */
  readonly nextIterator: string | undefined
  readonly millisBehindLatest: number
}

export interface ShardReaderSettings {
  /** Undefined: Amazon's, or what the environment says. */
  readonly endpoint: string | undefined
  readonly region: string
  readonly credentials: AwsCredentialsProvider
}

/** Kinesis through the AWS SDK, which is loaded at the first call. A failed call isn't repeated. */
export function openShardReader({ endpoint, region, credentials }: ShardReaderSettings): ShardReader {
  let isClosed = false
  const load = async () => {
    const [sdk, { NodeHttpHandler }] = await Promise.all([
      import('@aws-sdk/client-kinesis'),
      import('@smithy/node-http-handler'),
    ])
    const client = new sdk.KinesisClient({
      region,
      credentials: async () => ({ ...(await credentials()) }),
      maxAttempts: 1,
      // HTTP/1.1: one connection that hangs holds up one call.
      requestHandler: new NodeHttpHandler({
        connectionTimeout: 3_000,
        requestTimeout: 5_000,
        throwOnRequestTimeout: true,
      }),
      ...(endpoint === undefined ? {} : { endpoint }),
    })
    if (isClosed) client.destroy()
    return { sdk, client }
  }
  let loaded: ReturnType<typeof load> | undefined
  const loading = () => {
    loaded ??= load()
    return loaded
  }
  return {
    async iterator({ streamArn, shardId, position }) {
      const { sdk, client } = await loading()
      const { type, sequenceNumber, timestampMs } = { sequenceNumber: undefined, timestampMs: undefined, ...position }
      const command = new sdk.GetShardIteratorCommand({
        StreamARN: streamArn,
        ShardId: shardId,
        ShardIteratorType: type,
        StartingSequenceNumber: sequenceNumber,
        Timestamp: timestampMs === undefined ? undefined : new Date(timestampMs),
      })
      const { ShardIterator } = await client.send(command)
      return ShardIterator as string
    },
    async read(streamArn, iterator) {
      const { sdk, client } = await loading()
      const command = new sdk.GetRecordsCommand({ StreamARN: streamArn, ShardIterator: iterator, Limit: 1 })
      const { Records = [], NextShardIterator, MillisBehindLatest = 0 } = await client.send(command)
      return {
        hasRecord: Records.length > 0,
        nextIterator: NextShardIterator,
        millisBehindLatest: MillisBehindLatest,
      }
    },
    close() {
      isClosed = true
      void loaded?.then(({ client }) => client.destroy())
    },
  }
}

interface SdkErrorShape {
  readonly name?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
}

/** Whether the same call may succeed later: the network, the service, its limits, or credentials that have run out. */
export function isPassing(error: unknown): boolean {
  if (error instanceof EngineError) return error.kind !== 'invalid'
  const { name = '', $metadata = {} } = (error ?? {}) as SdkErrorShape
  const { httpStatusCode: status, clockSkewCorrected } = $metadata
  if (status === undefined || status < 300 || status === 429 || status >= 500) return true
  return (
    clockSkewCorrected === true ||
    /Throttl|LimitExceeded|ThroughputExceeded|ExpiredToken|RequestExpired|TimeTooSkewed/.test(name)
  )
}
