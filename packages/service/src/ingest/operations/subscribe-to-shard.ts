import { ApiError } from '../../wire/api-error.ts'
import { consumerByArn, eventStreamOpened, type Operation, shardOf } from '../kinesis-context.ts'
import { positionTypes, resolvePosition } from '../starting-position.ts'
import { Subscription } from '../subscription.ts'
import { isActive } from './consumers.ts'

/** SubscribeToShard: an event stream of a shard's records, for one registered consumer. */
export const subscribeToShard: Operation = async (fields, context, call) => {
  const arn = fields.string('ConsumerARN', { minLength: 1, maxLength: 2048 })
  const start = fields.structure('StartingPosition')
  const type = start.string('Type', { oneOf: positionTypes })
  const sequenceNumber = start.optionalString('SequenceNumber')
  const timestampMs = start.optionalTimestampMs('Timestamp')
  const { stream, consumer } = consumerByArn(arn, context)
  const shard = shardOf(fields, stream, context)
  if (!isActive(consumer, context)) {
    throw new ApiError('ResourceInUseException', `Consumer ${arn} is CREATING.`)
  }
  const position = await resolvePosition(shard, { type, sequenceNumber, timestampMs }, context.clock.now())
  const { subscriptionLifeMs, throttling } = context.settings
  const settings = { lifeMs: subscriptionLifeMs, throttling }
  context.subscriptions.subscribe(arn, shard.id, (onEnd) => {
    return new Subscription(call.openEventStream(), shard, position, settings, context, onEnd)
  })
  return eventStreamOpened
}
