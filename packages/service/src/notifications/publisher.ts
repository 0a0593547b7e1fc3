import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import { randomUuid } from '../wire/request-id.ts'
import type { SigningIdentity } from './certificate.ts'
import { HttpDelivery } from './http-delivery.ts'
import type { Message } from './message.ts'
import { deduplicationWindowMs, type JournaledMessage, type MessageJournal } from './message-journal.ts'
import { confirmationDocument, notificationDocument } from './notification-document.ts'
import { SubscriptionQueue } from './subscription-queue.ts'
import type { TopicStore, TopicSubscription } from './topic-store.ts'

/** What a publisher is told. */
export interface Published {
  readonly messageId: string
  /** FIFO topics only: 20 digits, increasing per topic. */
  readonly sequenceNumber: string | undefined
}

const maxWaitingCount = 10_000
const maxWaitingBytes = 64 << 20

/**
 * Takes messages, keeps them in the journal and delivers them.
 *
 * A standard topic's message goes out at once, while the journal's fsync runs; the publisher's answer waits for the
 * fsync. A FIFO topic's message goes out after it. Deliveries are at least once: a crash repeats what wasn't noted.
 * Bound: 10,000 messages or 64 MiB waiting per subscriber, then `Throttled`.
 */
export class Publisher {
  readonly #store: TopicStore
  readonly #journal: MessageJournal
  readonly #identity: SigningIdentity
  readonly #parts: { clock: Clock; scheduler: Scheduler; random: Random; logger: Logger }
  readonly #http: HttpDelivery
  readonly #queues = new Map<string, SubscriptionQueue>()
  /** By topic, scope and id, in order of time. */
  readonly #recent = new Map<string, { publishedMs: number; result: Promise<Published> }>()
  #baseUrl = ''

  constructor(
    store: TopicStore,
    journal: MessageJournal,
    identity: SigningIdentity,
    parts: { clock: Clock; scheduler: Scheduler; random: Random; logger: Logger },
  ) {
    this.#store = store
    this.#journal = journal
    this.#identity = identity
    this.#parts = parts
    this.#http = new HttpDelivery(parts.scheduler)
  }

  /** Begins with what a former run left; `baseUrl` goes into the links of messages. */
  start(baseUrl: string, found: readonly JournaledMessage[]): void {
    this.#baseUrl = baseUrl
    const nowMs = this.#parts.clock.now()
    for (const { message, index, remaining } of found) {
      const { id, publishedMs } = message
      if (message.deduplicationId !== undefined && nowMs - publishedMs < deduplicationWindowMs) {
        const result = Promise.resolve({ messageId: id, sequenceNumber: sequenceNumberOf(message, index) })
        this.#recent.set(this.#deduplicationKey(message), { publishedMs, result })
      }
      for (const target of remaining) this.#enqueue(message, target)
    }
  }

  /** Resolves when the message can't be lost. Errors: `Throttled`, and the journal's. */
  publish(message: Message): Promise<Published> {
    for (const target of message.targets) this.#checkRoom(target)
    if (message.deduplicationId === undefined) return this.#publishNow(message)
    const key = this.#deduplicationKey(message)
    this.#forgetOld(message.publishedMs)
    const earlier = this.#recent.get(key)
    if (earlier !== undefined) return earlier.result
    const result = this.#publishInOrder(message)
    this.#recent.set(key, { publishedMs: message.publishedMs, result })
    // A message that wasn't stored must not hide its repetition.
    result.catch(() => this.#recent.delete(key))
    return result
  }

  /** Posts the request to confirm; tried again as messages are. */
  confirm(subscription: TopicSubscription): void {
    const { clock, random } = this.#parts
    const messageId = randomUuid(random)
    this.#queueOf(subscription.arn).add({
      groupId: undefined,
      sizeBytes: 1024,
      settled: () => {},
      attempt: async () => {
        const current = this.#store.subscription(subscription.arn)
        if (current === undefined || current.isConfirmed) return 'delivered'
        const key = this.#identity.privateKey
        const body = confirmationDocument(messageId, current, key, this.#baseUrl, clock.now())
        const headers = {
          'content-type': 'text/plain; charset=UTF-8',
          'x-amz-sns-message-type': 'SubscriptionConfirmation',
          'x-amz-sns-message-id': messageId,
          'x-amz-sns-topic-arn': current.topicArn,
        }
        return this.#http.post(current.endpoint, headers, body)
      },
    })
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close()
    this.#http.close()
  }

  async #publishNow(message: Message): Promise<Published> {
    for (const target of message.targets) this.#enqueue(message, target)
    if (message.targets.length > 0) await this.#journal.add(message)
    return { messageId: message.id, sequenceNumber: undefined }
  }

  async #publishInOrder(message: Message): Promise<Published> {
    const index = await this.#journal.add(message)
    for (const target of message.targets) this.#enqueue(message, target)
    return { messageId: message.id, sequenceNumber: sequenceNumberOf(message, index) }
  }

  #enqueue(message: Message, target: string): void {
    this.#queueOf(target).add({
      groupId: message.groupId,
      sizeBytes: message.text.length,
      settled: () => this.#journal.settle(message.id, target),
      attempt: async () => {
        const subscription = this.#store.subscription(target)
        return subscription === undefined ? 'delivered' : this.#post(message, subscription)
      },
    })
  }

  async #post(message: Message, subscription: TopicSubscription) {
    const headers = {
      'content-type': 'text/plain; charset=UTF-8',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-message-id': message.id,
      'x-amz-sns-topic-arn': message.topicArn,
      'x-amz-sns-subscription-arn': subscription.arn,
    }
    if (subscription.isRaw) {
      return this.#http.post(subscription.endpoint, { ...headers, 'x-amz-sns-rawdelivery': 'true' }, message.text)
    }
    const body = notificationDocument(message, subscription, this.#identity.privateKey, this.#baseUrl)
    return this.#http.post(subscription.endpoint, headers, body)
  }

  #queueOf(target: string): SubscriptionQueue {
    const existing = this.#queues.get(target)
    if (existing !== undefined) return existing
    const { scheduler, logger } = this.#parts
    const queue = new SubscriptionQueue(scheduler, logger.with({ subscription: target }))
    this.#queues.set(target, queue)
    return queue
  }

  #checkRoom(target: string): void {
    const queue = this.#queues.get(target)
    if (queue === undefined || (queue.waitingCount < maxWaitingCount && queue.waitingBytes < maxWaitingBytes)) return
    throw new ApiError('Throttled', `Too many messages are waiting for ${target}.`, 429)
  }

  #deduplicationKey(message: Message): string {
    const scope = this.#store.topic(message.topicArn)?.attributes['FifoThroughputScope']
    const group = scope === 'MessageGroup' ? message.groupId : ''
    return JSON.stringify([message.topicArn, group, message.deduplicationId])
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { publishedMs }] of this.#recent) {
      if (nowMs - publishedMs < deduplicationWindowMs) break
      this.#recent.delete(key)
    }
  }
}

function sequenceNumberOf(message: Message, index: number): string | undefined {
  return message.groupId === undefined ? undefined : String(10n ** 19n + BigInt(index))
}
