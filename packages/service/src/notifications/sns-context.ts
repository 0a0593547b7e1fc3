import type { Clock, Random } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import type { QueryFields } from '../wire/query-fields.ts'
import type { XmlValue } from '../wire/xml.ts'
import type { Publisher } from './publisher.ts'
import type { Topic, TopicStore, TopicSubscription } from './topic-store.ts'

/** What the operations share. */
export interface SnsContext {
  readonly region: string
  readonly accountId: string
  readonly store: TopicStore
  readonly publisher: Publisher
  readonly clock: Clock
  readonly random: Random
}

/** One API operation: reads its fields, answers with the content of `<ActionResult>`. It throws `ApiError`s. */
export type SnsOperation = (fields: QueryFields, context: SnsContext) => Promise<XmlValue>

export function invalidParameter(message: string): ApiError {
  return new ApiError('InvalidParameter', `Invalid parameter: ${message}`)
}

/** The topic that `TopicArn` (or a publisher's `TargetArn`) names. Errors: `InvalidParameter`, `NotFound`. */
export function topicOf(fields: QueryFields, context: SnsContext): Topic {
  const arn = fields.optional('TopicArn') ?? fields.optional('TargetArn')
  if (arn === undefined) throw invalidParameter('TopicArn or TargetArn Reason: no value for required parameter')
  if (!/^arn:[^:]+:sns:[^:]*:[^:]*:[A-Za-z0-9_.-]+$/.test(arn)) throw invalidParameter('TopicArn')
  const topic = context.store.topic(arn)
  if (topic === undefined) throw new ApiError('NotFound', 'Topic does not exist', 404)
  return topic
}

/** The subscription that `SubscriptionArn` names. Errors: `NotFound`. */
export function subscriptionOf(fields: QueryFields, context: SnsContext): TopicSubscription {
  const subscription = context.store.subscription(fields.required('SubscriptionArn'))
  if (subscription === undefined) throw new ApiError('NotFound', 'Subscription does not exist', 404)
  return subscription
}

export function isFifo(topic: Topic): boolean {
  return topic.attributes['FifoTopic'] === 'true'
}

/** A page of a list; the token is the offset. Errors: `InvalidParameter`. */
export function pageOf<T>(all: readonly T[], fields: QueryFields): { page: T[]; NextToken: string | undefined } {
  const token = fields.optional('NextToken') ?? '0'
  if (!/^\d{1,9}$/.test(token)) throw invalidParameter('NextToken')
  const start = Number(token)
  const page = all.slice(start, start + 100)
  return { page, NextToken: start + 100 < all.length ? String(start + 100) : undefined }
}
