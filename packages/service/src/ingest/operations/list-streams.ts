import { existingStream, type Operation, streamArn, streamStatus } from '../kinesis-context.ts'

/** ListStreams: a page of the streams in the order of their names; NextToken is the last name. */
export const listStreams: Operation = async (fields, context) => {
  const limit = fields.optionalInteger('Limit', { min: 1, max: 10_000 }) ?? 100
  const nextToken = fields.optionalString('NextToken', { minLength: 1, maxLength: 1_048_576 })
  const after = nextToken ?? fields.optionalString('ExclusiveStartStreamName', { minLength: 1, maxLength: 128 }) ?? ''
  const names = context.registry.names().filter((name) => name > after)
  const page = names.slice(0, limit)
  const hasMore = names.length > limit
  return {
    StreamNames: page,
    HasMoreStreams: hasMore,
    NextToken: hasMore ? page.at(-1) : undefined,
    StreamSummaries: page.map((name) => {
      const stream = existingStream(name, context)
      return {
        StreamName: name,
        StreamARN: streamArn(name, context),
        StreamStatus: streamStatus(stream, context),
        StreamModeDetails: { StreamMode: stream.metadata.mode },
        StreamCreationTimestamp: new Date(stream.metadata.createdMs),
      }
    }),
  }
}
