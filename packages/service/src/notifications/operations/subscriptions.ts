import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { randomUuid } from '../../wire/request-id.ts'
import type { XmlValue } from '../../wire/xml.ts'
import {
  invalidParameter,
  pageOf,
  type SnsContext,
  type SnsOperation,
  subscriptionOf,
  topicOf,
} from '../sns-context.ts'
import type { TopicSubscription } from '../topic-store.ts'
import { attributesOf } from './topics.ts'

const pending = 'pending confirmation'

/** Subscribe: HTTP only. The subscriber gets a request to confirm; the same one again, when it subscribes again. */
export const subscribe: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const protocol = fields.required('Protocol')
  if (protocol !== 'http') throw invalidParameter(`Protocol Reason: ${protocol} is not offered here; http is`)
  const endpoint = fields.required('Endpoint')
  if (!isHttpUrl(endpoint)) throw invalidParameter('Endpoint')
  let isRaw = false
  for (const [name, value] of fields.map('Attributes')) isRaw = readAttribute(name, value)
  const existing = context.store.subscriptionsOf(topic.arn).find((one) => one.endpoint === endpoint)
  const subscription = existing ?? {
    arn: `${topic.arn}:${randomUuid(context.random)}`,
    topicArn: topic.arn,
    endpoint,
    isRaw,
    isConfirmed: false,
    token: randomBytes(32).toString('hex'),
  }
  if (existing === undefined) await context.store.putSubscription(subscription)
  if (!subscription.isConfirmed) context.publisher.confirm(subscription)
  const isShown = subscription.isConfirmed || fields.flag('ReturnSubscriptionArn')
  return { SubscriptionArn: isShown ? subscription.arn : pending }
}

/** ConfirmSubscription: whoever has the token may; it needs no signature. */
export const confirmSubscription: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const token = fields.required('Token')
  const subscription = context.store.subscriptionsOf(topic.arn).find((one) => isEqual(one.token, token))
  if (subscription === undefined) throw invalidParameter('Token')
  if (!subscription.isConfirmed) await context.store.putSubscription({ ...subscription, isConfirmed: true })
  return { SubscriptionArn: subscription.arn }
}

/** Unsubscribe: fine when there is no such subscription. */
export const unsubscribe: SnsOperation = async (fields, context) => {
  await context.store.deleteSubscription(fields.required('SubscriptionArn'))
  return undefined
}

/** ListSubscriptionsByTopic: in pages of 100. */
export const listSubscriptionsByTopic: SnsOperation = async (fields, context) => {
  const topic = topicOf(fields, context)
  const { page, NextToken } = pageOf(context.store.subscriptionsOf(topic.arn), fields)
  return { Subscriptions: page.map((one) => describe(one, context)), NextToken }
}

/** ListSubscriptions: of all topics, in pages of 100. */
export const listSubscriptions: SnsOperation = async (fields, context) => {
  const all = context.store.topics().flatMap((topic) => context.store.subscriptionsOf(topic.arn))
  const { page, NextToken } = pageOf(all, fields)
  return { Subscriptions: page.map((one) => describe(one, context)), NextToken }
}

/** GetSubscriptionAttributes. */
export const getSubscriptionAttributes: SnsOperation = async (fields, context) => {
  const { arn, topicArn, endpoint, isRaw, isConfirmed } = subscriptionOf(fields, context)
  return {
    Attributes: attributesOf({
      SubscriptionArn: arn,
      TopicArn: topicArn,
      Endpoint: endpoint,
      Protocol: 'http',
      Owner: context.accountId,
      PendingConfirmation: String(!isConfirmed),
      ConfirmationWasAuthenticated: 'false',
      RawMessageDelivery: String(isRaw),
    }),
  }
}

/** SetSubscriptionAttributes: RawMessageDelivery only. */
export const setSubscriptionAttributes: SnsOperation = async (fields, context) => {
  const subscription = subscriptionOf(fields, context)
  const isRaw = readAttribute(fields.required('AttributeName'), fields.optional('AttributeValue') ?? '')
  await context.store.putSubscription({ ...subscription, isRaw })
  return undefined
}

function readAttribute(name: string, value: string): boolean {
  if (name !== 'RawMessageDelivery') throw invalidParameter(`Attributes Reason: ${name} is not offered here`)
  if (value !== 'true' && value !== 'false') throw invalidParameter(`Attributes Reason: RawMessageDelivery: ${value}`)
  return value === 'true'
}

function describe(subscription: TopicSubscription, context: SnsContext): XmlValue {
  const { arn, topicArn, endpoint, isConfirmed } = subscription
  return {
    SubscriptionArn: isConfirmed ? arn : 'PendingConfirmation',
    Owner: context.accountId,
    Protocol: 'http',
    Endpoint: endpoint,
    TopicArn: topicArn,
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'http:'
}

function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
