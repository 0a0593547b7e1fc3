import { invalidArgument } from '../../wire/api-error.ts'
import { type Operation, streamNameOf } from '../kinesis-context.ts'

/** CreateStream: a provisioned stream whose shards share the key space evenly. */
export const createStream: Operation = async (fields, context) => {
  const name = streamNameOf(fields, context)
  const mode = fields.optionalStructure('StreamModeDetails')?.string('StreamMode', {
    oneOf: ['PROVISIONED', 'ON_DEMAND'],
  })
  if (mode === 'ON_DEMAND') {
    throw invalidArgument('StreamModeDetails.StreamMode ON_DEMAND is not offered here; use PROVISIONED and ShardCount.')
  }
  const shardCount = fields.optionalInteger('ShardCount', { min: 1, max: 1000 })
  if (shardCount === undefined) throw invalidArgument('ShardCount must be given for a PROVISIONED stream.')
  const maxRecordKiB = fields.optionalInteger('MaxRecordSizeInKiB', { min: 1024, max: 10240 }) ?? 1024
  const tags = fields.optionalStringMap('Tags') ?? {}
  const stream = await context.registry.create(name, { shardCount, maxRecordBytes: maxRecordKiB * 1024, tags })
  stream.activeAtMs = context.clock.monotonicMs() + context.settings.streamActivationDelayMs
  return undefined
}
