import { createHash } from 'node:crypto'
import { ApiError } from '../../wire/api-error.ts'
import type { QueryFields } from '../../wire/query-fields.ts'
import { randomUuid } from '../../wire/request-id.ts'
import type { XmlValue } from '../../wire/xml.ts'
import type { Message, MessageAttribute } from '../message.ts'
import { invalidParameter, isFifo, type SnsContext, type SnsOperation, topicOf } from '../sns-context.ts'
import type { Topic } from '../topic-store.ts'

const defaultMaxBytes = 262_144
const groupIdPattern = /^[\x21-\x7e]{1,128}$/

/** Publish: the answer means that the message is durable and on its way. */
export const publish: SnsOperation = async (fields, context) => {
  if (fields.optional('PhoneNumber') !== undefined)
    throw invalidParameter('PhoneNumber Reason: SMS is not offered here')
  const topic = topicOf(fields, context)
  const message = readMessage(fields, topic, context)
  if (sizeOf(message) > maxBytesOf(topic)) throw invalidParameter('Message too long')
  const { messageId, sequenceNumber } = await context.publisher.publish(message)
  return { MessageId: messageId, SequenceNumber: sequenceNumber }
}

/** PublishBatch: a broken rule of the batch fails the call, one of an entry that entry. */
export const publishBatch: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const list = fields.list('PublishBatchRequestEntries')
  if (list.length === 0) throw new ApiError('EmptyBatchRequest', "The batch request doesn't contain any entries.")
  if (list.length > 10) {
    throw new ApiError('TooManyEntriesInBatchRequest', 'The batch request contains more entries than permissible.')
  }
  const ids = list.map((entry) => entry.required('Id'))
  const wrongId = ids.find((id) => !/^[A-Za-z0-9_-]{1,80}$/.test(id))
  if (wrongId !== undefined) {
    throw new ApiError('InvalidBatchEntryId', `The Id ${wrongId} of a batch entry doesn't abide by the specification.`)
  }
  if (new Set(ids).size < ids.length) {
    throw new ApiError('BatchEntryIdsNotDistinct', 'Two or more batch entries in the request have the same Id.')
  }
  const read = list.map((entry) => attempt(() => readMessage(entry, topic, context)))
  const total = read.reduce((sum, message) => sum + (message instanceof ApiError ? 0 : sizeOf(message)), 0)
  if (total > maxBytesOf(topic)) {
    throw new ApiError(
      'BatchRequestTooLong',
      'The length of all the batch messages put together is more than the limit.',
    )
  }
  // All are handed over in order before the first is durable: order per group holds inside a batch.
  const results = await Promise.all(read.map((message) => publishEntry(message, context)))
  const Successful: XmlValue[] = []
  const Failed: XmlValue[] = []
  for (const [i, result] of results.entries()) {
    const Id = ids[i]!
    if (result instanceof ApiError) {
      Failed.push({ Id, Code: result.type, Message: result.message, SenderFault: result.status < 429 })
    } else Successful.push({ Id, MessageId: result.messageId, SequenceNumber: result.sequenceNumber })
  }
  return { Successful, Failed }
}

async function publishEntry(message: Message | ApiError, context: SnsContext) {
  if (message instanceof ApiError) return message
  try {
    return await context.publisher.publish(message)
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError('InternalError', 'The message could not be stored.', 500)
  }
}

function attempt<T>(read: () => T): T | ApiError {
  try {
    return read()
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
}

function readMessage(fields: QueryFields, topic: Topic, context: SnsContext): Message {
  const given = fields.optional('Message') ?? ''
  if (given === '') throw invalidParameter('Empty message')
  const subject = fields.optional('Subject')
  if (subject !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(subject)) throw invalidParameter('Subject')
  const { groupId, deduplicationId } = readFifoFields(fields, topic, given)
  return {
    id: randomUuid(context.random),
    topicArn: topic.arn,
    subject,
    text: fields.optional('MessageStructure') === 'json' ? textForHttp(given) : given,
    attributes: fields.list('MessageAttributes', 'entry').map(readAttribute),
    publishedMs: context.clock.now(),
    groupId,
    deduplicationId,
    targets: context.store.subscriptionsOf(topic.arn).flatMap((one) => (one.isConfirmed ? [one.arn] : [])),
  }
}

function readFifoFields(fields: QueryFields, topic: Topic, text: string) {
  const groupId = fields.optional('MessageGroupId')
  const deduplicationId = fields.optional('MessageDeduplicationId')
  if (!isFifo(topic)) {
    if (deduplicationId !== undefined) {
      throw invalidParameter('MessageDeduplicationId Reason: it is valid for FIFO topics only')
    }
    return { groupId: undefined, deduplicationId: undefined }
  }
  if (groupId === undefined) throw invalidParameter('The MessageGroupId parameter is required for FIFO topics')
  if (!groupIdPattern.test(groupId)) throw invalidParameter('MessageGroupId')
  if (deduplicationId !== undefined && !groupIdPattern.test(deduplicationId)) {
    throw invalidParameter('MessageDeduplicationId')
  }
  if (deduplicationId !== undefined) return { groupId, deduplicationId }
  if (topic.attributes['ContentBasedDeduplication'] === 'true') {
    return { groupId, deduplicationId: createHash('sha256').update(text).digest('hex') }
  }
  throw invalidParameter(
    'The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
  )
}

function readAttribute(entry: QueryFields): MessageAttribute {
  const name = entry.required('Name')
  const type = entry.required('Value.DataType')
  if (!/^[A-Za-z0-9_.-]{1,256}$/.test(name)) throw invalidParameter(`MessageAttributes Reason: the name ${name}`)
  if (!/^(String|Number|Binary|String\.Array)(\..+)?$/.test(type)) {
    throw invalidParameter(`MessageAttributes Reason: the type ${type} of ${name} is not String, Number or Binary`)
  }
  const value = entry.optional(type.startsWith('Binary') ? 'Value.BinaryValue' : 'Value.StringValue') ?? ''
  if (value === '') throw invalidParameter(`MessageAttributes Reason: ${name} must have a value`)
  return { name, type, value }
}

/** MessageStructure json: a text per protocol, and `default` for the rest. */
function textForHttp(text: string): string {
  let texts: unknown
  try {
    texts = JSON.parse(text)
  } catch {
    throw invalidParameter('Message Structure - JSON message body failed to parse')
  }
  const { default: otherwise, http } = (texts ?? {}) as { default?: unknown; http?: unknown }
  if (typeof otherwise !== 'string') throw invalidParameter('Message Structure - No default entry in JSON message body')
  return typeof http === 'string' ? http : otherwise
}

function sizeOf(message: Message): number {
  let size = Buffer.byteLength(message.text)
  for (const { name, type, value } of message.attributes) {
    const valueBytes = type.startsWith('Binary') ? Buffer.byteLength(value, 'base64') : Buffer.byteLength(value)
    size += Buffer.byteLength(name) + Buffer.byteLength(type) + valueBytes
  }
  return size
}

function maxBytesOf(topic: Topic): number {
  return Number(topic.attributes['MaximumMessageSize'] ?? defaultMaxBytes)
}
