import { ApiError } from '../../wire/api-error.ts'
import { invalidParameter, isFifo, pageOf, type SnsOperation, topicOf } from '../sns-context.ts'

/** Attributes that mean something here, with what they may be; the rest is refused by name, never ignored. */
const attributeRules: Record<string, RegExp> = {
  FifoTopic: /^(true|false)$/,
  ContentBasedDeduplication: /^(true|false)$/,
  FifoThroughputScope: /^(Topic|MessageGroup)$/,
  DisplayName: /^.{0,100}$/s,
  MaximumMessageSize: /^\d{1,7}$/,
}

/** CreateTopic: an existing topic of this name and kind is the answer, too. */
export const createTopic: SnsOperation = async (fields, context) => {
  const name = fields.required('Name')
  const attributes = readAttributes(fields.map('Attributes'))
  const wantsFifo = attributes['FifoTopic'] === 'true'
  if (!/^[A-Za-z0-9_-]{1,256}$/.test(wantsFifo ? name.replace(/\.fifo$/, '') : name) || name.length > 256) {
    throw invalidParameter('Topic Name')
  }
  if (wantsFifo !== name.endsWith('.fifo')) {
    throw invalidParameter(
      'Fifo Topic names must end with .fifo and must be made up of ASCII letters, digits, _ and -.',
    )
  }
  if (!wantsFifo && (attributes['ContentBasedDeduplication'] ?? attributes['FifoThroughputScope']) !== undefined) {
    throw invalidParameter('Attributes Reason: ContentBasedDeduplication and FifoThroughputScope are for FIFO topics')
  }
  const arn = `arn:aws:sns:${context.region}:${context.accountId}:${name}`
  const existing = context.store.topic(arn)
  if (existing === undefined) {
    const tags = fields.list('Tags').map((tag) => [tag.required('Key'), tag.optional('Value') ?? ''] as const)
    await context.store.putTopic({ arn, name, attributes, tags: Object.fromEntries(tags) })
  } else if (Object.entries(attributes).some(([key, value]) => existing.attributes[key] !== value)) {
    throw invalidParameter('Attributes Reason: Topic already exists with different attributes')
  }
  return { TopicArn: arn }
}

/** ListTopics: in pages of 100. */
export const listTopics: SnsOperation = async (fields, context) => {
  const { page, NextToken } = pageOf(context.store.topics(), fields)
  return { Topics: page.map(({ arn }) => ({ TopicArn: arn })), NextToken }
}

/** GetTopicAttributes. */
export const getTopicAttributes: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const subscriptions = context.store.subscriptionsOf(topic.arn)
  const confirmed = subscriptions.filter((one) => one.isConfirmed).length
  return {
    Attributes: attributesOf({
      DisplayName: '',
      ...topic.attributes,
      TopicArn: topic.arn,
      Owner: context.accountId,
      SignatureVersion: '2',
      SubscriptionsConfirmed: String(confirmed),
      SubscriptionsPending: String(subscriptions.length - confirmed),
      SubscriptionsDeleted: '0',
    }),
  }
}

/** SetTopicAttributes: all but the kind can change. */
export const setTopicAttributes: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const name = fields.required('AttributeName')
  if (name === 'FifoTopic') throw invalidParameter('AttributeName Reason: FifoTopic cannot be changed')
  if (name !== 'DisplayName' && name !== 'MaximumMessageSize' && !isFifo(topic)) throw invalidParameter('AttributeName')
  const change = readAttributes(new Map([[name, fields.optional('AttributeValue') ?? '']]))
  await context.store.putTopic({ ...topic, attributes: { ...topic.attributes, ...change } })
  return undefined
}

/** DeleteTopic: fine when there is none. */
export const deleteTopic: SnsOperation = async (fields, context) => {
  await context.store.deleteTopic(fields.required('TopicArn'))
  return undefined
}

/** ListTagsForResource. */
export const listTagsForResource: SnsOperation = async (fields, context) => {
  const topic = context.store.topic(fields.required('ResourceArn'))
  if (topic === undefined) throw new ApiError('ResourceNotFound', 'Resource does not exist', 404)
  return { Tags: Object.entries(topic.tags).map(([Key, Value]) => ({ Key, Value })) }
}

/** Attributes as the answers have them. */
export function attributesOf(attributes: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(attributes))
}

function readAttributes(given: ReadonlyMap<string, string>): Record<string, string> {
  for (const [name, value] of given) {
    const rule = attributeRules[name]
    if (rule === undefined) throw invalidParameter(`Attributes Reason: ${name} is not offered here`)
    const isSizeWrong = name === 'MaximumMessageSize' && (Number(value) < 1024 || Number(value) > 1_048_576)
    if (!rule.test(value) || isSizeWrong) throw invalidParameter(`Attributes Reason: ${name}: ${value}`)
  }
  return Object.fromEntries(given)
}
