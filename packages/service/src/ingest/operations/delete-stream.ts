import { ApiError } from '../../wire/api-error.ts'
import { exceptionFrame } from '../../wire/event-stream-frame.ts'
import { type Operation, streamArn, streamOf } from '../kinesis-context.ts'

/** DeleteStream: the stream is DELETING while its files go, then unknown. */
export const deleteStream: Operation = async (fields, context) => {
  const stream = streamOf(fields, context)
  const enforce = fields.optionalBoolean('EnforceConsumerDeletion') ?? false
  if (stream.isDeleting) throw new ApiError('ResourceInUseException', `Stream ${stream.name} is DELETING.`)
  if (stream.metadata.consumers.length > 0 && !enforce) {
    const message = `Stream ${stream.name} has consumers. Set EnforceConsumerDeletion to delete them with it.`
    throw new ApiError('ResourceInUseException', message)
  }
  const gone = exceptionFrame('ResourceNotFoundException', `Stream ${stream.name} was deleted.`)
  context.subscriptions.endUnder(streamArn(stream.name, context), gone)
  await context.registry.delete(stream)
  return undefined
}
