import type { SnsOperation } from '../sns-context.ts'
import { publish, publishBatch } from './publish.ts'
import {
  confirmSubscription,
  getSubscriptionAttributes,
  listSubscriptions,
  listSubscriptionsByTopic,
  setSubscriptionAttributes,
  subscribe,
  unsubscribe,
} from './subscriptions.ts'
import {
  createTopic,
  deleteTopic,
  getTopicAttributes,
  listTagsForResource,
  listTopics,
  setTopicAttributes,
} from './topics.ts'

/** The operations of SNS that are offered, by the name in `Action`. */
export const snsOperations: ReadonlyMap<string, SnsOperation> = new Map([
  ['ConfirmSubscription', confirmSubscription],
  ['CreateTopic', createTopic],
  ['DeleteTopic', deleteTopic],
  ['GetSubscriptionAttributes', getSubscriptionAttributes],
  ['GetTopicAttributes', getTopicAttributes],
  ['ListSubscriptions', listSubscriptions],
  ['ListSubscriptionsByTopic', listSubscriptionsByTopic],
  ['ListTagsForResource', listTagsForResource],
  ['ListTopics', listTopics],
  ['Publish', publish],
  ['PublishBatch', publishBatch],
  ['SetSubscriptionAttributes', setSubscriptionAttributes],
  ['SetTopicAttributes', setTopicAttributes],
  ['Subscribe', subscribe],
  ['Unsubscribe', unsubscribe],
])
