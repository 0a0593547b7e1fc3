import type { CallAccess } from '../access/call-access.ts'
import type { RequestFields } from '../wire/request-fields.ts'
import { consumerArnOf, type KinesisContext, streamArn, streamNameOf } from './kinesis-context.ts'
import { streamNameOfToken } from './position-token.ts'

/**
 * Asks whether the caller may do an operation of Kinesis: action `kinesis:OPERATION` on the ARN of the stream or consumer,
 * found as the operation itself finds it. Errors: `AccessDeniedException` (403), those of a stream that isn't named rightly.
 */
export function authorizeStreamOperation(
  name: string,
  fields: RequestFields,
  access: CallAccess,
  context: KinesisContext,
): void {
  access.authorize({ action: `kinesis:${name}`, resource: resourceOf(name, fields, context) })
}

function resourceOf(name: string, fields: RequestFields, context: KinesisContext): string {
  switch (name) {
    case 'ListStreams':
      return '*'
    case 'GetRecords':
      return arnOfToken(fields.string('ShardIterator', { minLength: 1, maxLength: 512 }), context)
    case 'ListShards': {
      const token = fields.optionalString('NextToken', { minLength: 1, maxLength: 1_048_576 })
      return token === undefined ? streamArn(streamNameOf(fields, context), context) : arnOfToken(token, context)
    }
    case 'SubscribeToShard':
      return fields.string('ConsumerARN', { minLength: 1, maxLength: 2048 })
    case 'DescribeStreamConsumer':
    case 'DeregisterStreamConsumer':
      return consumerArnOf(fields, context)
    default:
      return streamArn(streamNameOf(fields, context), context)
  }
}

/** Whether the token is one of ours is for the operation to see: it refuses a forged one whatever is allowed. */
function arnOfToken(token: string, context: KinesisContext): string {
  const name = streamNameOfToken(token)
  return name === undefined ? '*' : streamArn(name, context)
}
