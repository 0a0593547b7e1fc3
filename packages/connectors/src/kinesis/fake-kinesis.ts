import { createHash } from 'node:crypto'
import type { Clock, Scheduler } from '@millrace/engine/spi'
import type {
  ConsumerDescription,
  KinesisApi,
  KinesisServiceRecord,
  ListShardsRequest,
  RecordsPage,
  ShardDescription,
  ShardPage,
  StreamDescription,
  SubscriptionEvent,
} from './kinesis-api.ts'
import { compareSequenceNumbers } from './sequence-numbers.ts'
import type { ShardPosition } from './splits.ts'

export const fakeStreamArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders'
const keySpace = 2n ** 128n

/** The operations a script may fail or look at. */
export type FakeOperation = keyof Omit<KinesisApi, 'close'>

interface FakeShard extends ShardDescription {
  readonly records: KinesisServiceRecord[]
  closed: boolean
  /** Trimmed away: the service no longer knows it. */
  gone: boolean
  children: string[]
}

interface FakeIterator {
  readonly shardId: string
  readonly next: number
  readonly issuedMs: number
}

interface FakeSubscription {
  readonly key: string
  readonly openedMs: number
  readonly queue: SubscriptionEvent[]
  /** Wakes the reader of the queue. */
  wake: () => void
  end: { readonly error?: Error } | undefined
}

/** An error as the SDK throws it. */
export function awsError(name: string, status = 400): Error {
  return Object.assign(new Error(name), {
    name,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status },
  })
}

/**
 * A Kinesis stream in memory, on virtual time: shards with parents and children, iterators that expire, five calls a
 * second, subscriptions that live five minutes and are taken over. `before` is called ahead of every operation and may
 * throw in its place.
 */
export class FakeKinesis {
  readonly calls: { readonly operation: FakeOperation; readonly shardId: string | undefined; readonly atMs: number }[] =
    []
  readonly shards: FakeShard[] = []
  readonly consumers = new Map<string, { arn: string; activeAtMs: number }>()
  before: (operation: FakeOperation, shardId: string | undefined, ordinal: number) => void = () => {}
  /** Records an answer or event may hold. */
  recordsPerAnswer = 10_000
  /** How many records a resubscription repeats. */
  overlap = 0
  status = 'ACTIVE'
  retentionHours = 24
  consumerActivationMs = 300
  /** Whether GetRecords is limited to five calls a second and shard. */
  throttles = true
  openApis = 0
  /** Where subscriptions began, in their order. */
  readonly subscribedFrom: ShardPosition[] = []
  /** Subscription events that were taken. */
  deliveredEvents = 0
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #iterators = new Map<string, FakeIterator>()
  readonly #subscriptions = new Set<FakeSubscription>()
  readonly #callsByShard = new Map<string, number[]>()
  readonly #ordinals = new Map<FakeOperation, number>()
  #sequence = 0

  constructor(time: Clock & Scheduler, shardCount: number) {
    this.#clock = time
    this.#scheduler = time
    for (let i = 0; i < shardCount; i++) {
      const start = (keySpace / BigInt(shardCount)) * BigInt(i)
      const end = i === shardCount - 1 ? keySpace - 1n : (keySpace / BigInt(shardCount)) * BigInt(i + 1) - 1n
      this.#open([], start, end)
    }
  }

  get openSubscriptions(): number {
    return this.#subscriptions.size
  }

  put(partitionKey: string, data: Uint8Array): { shardId: string; sequenceNumber: string } {
    const hash = BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`)
    const shard = this.shards.find(
      (s) => !s.closed && hash >= BigInt(s.startingHashKey) && hash <= BigInt(s.endingHashKey),
    )!
    const record: KinesisServiceRecord = {
      Data: data,
      PartitionKey: partitionKey,
      SequenceNumber: this.#nextSequence(),
      ApproximateArrivalTimestamp: new Date(this.#clock.now()),
    }
    shard.records.push(record)
    for (const subscription of this.#subscriptions) subscription.wake()
    return { shardId: shard.shardId, sequenceNumber: record.SequenceNumber }
  }

  split(shardId: string): void {
    const parent = this.#shard(shardId)
    const [start, end] = [BigInt(parent.startingHashKey), BigInt(parent.endingHashKey)]
    const middle = (start + end) / 2n
    this.#close(parent)
    parent.children = [this.#open([shardId], start, middle), this.#open([shardId], middle + 1n, end)]
    this.#announce()
  }

  merge(left: string, right: string): void {
    const [a, b] = [this.#shard(left), this.#shard(right)]
    this.#close(a)
    this.#close(b)
    const child = this.#open([left, right], BigInt(a.startingHashKey), BigInt(b.endingHashKey))
    a.children = [child]
    b.children = [child]
    this.#announce()
  }

  /** Ends every subscription, with an error or without. */
  cutSubscriptions(error?: Error): void {
    for (const subscription of this.#subscriptions) this.#end(subscription, error)
  }

  api(): KinesisApi {
    this.openApis++
    let closed = false
    const enter = (operation: FakeOperation, shardId?: string) => this.#enter(operation, shardId)
    return {
      describeStream: async () => {
        enter('describeStream')
        return this.#describe()
      },
      listShards: async (request) => {
        enter('listShards')
        return this.#list(request)
      },
      getShardIterator: async (shardId, position) => {
        enter('getShardIterator', shardId)
        return this.#iterator(shardId, this.#indexOf(this.#shard(shardId), position))
      },
      getRecords: async (iterator, limit) => {
        const found = this.#iterators.get(iterator)!
        enter('getRecords', found.shardId)
        return this.#records(found, limit)
      },
      registerConsumer: async (_streamArn, name) => {
        enter('registerConsumer')
        if (this.consumers.has(name)) throw awsError('ResourceInUseException')
        this.consumers.set(name, {
          arn: `${fakeStreamArn}/consumer/${name}:${this.#clock.now()}`,
          activeAtMs: this.#clock.now() + this.consumerActivationMs,
        })
        return this.#consumer(name)
      },
      describeConsumer: async (_streamArn, name) => {
        enter('describeConsumer')
        return this.#consumer(name)
      },
      deregisterConsumer: async (arn) => {
        enter('deregisterConsumer')
        for (const [name, consumer] of this.consumers) if (consumer.arn === arn) this.consumers.delete(name)
      },
      subscribe: async (arn, shardId, position, signal) => {
        enter('subscribe', shardId)
        return this.#subscribe(arn, shardId, position, signal)
      },
      close: () => {
        if (!closed) this.openApis--
        closed = true
      },
    }
  }

  #enter(operation: FakeOperation, shardId: string | undefined): void {
    const ordinal = (this.#ordinals.get(operation) ?? 0) + 1
    this.#ordinals.set(operation, ordinal)
    this.calls.push({ operation, shardId, atMs: this.#clock.now() })
    this.before(operation, shardId, ordinal)
  }

  #describe(): StreamDescription {
    if (this.status === 'GONE') throw awsError('ResourceNotFoundException')
    return {
      streamArn: fakeStreamArn,
      status: this.status,
      retentionHours: this.retentionHours,
      serverTimeMs: Math.floor(this.#clock.now() / 1_000) * 1_000,
    }
  }

  /** Pages of two, so that paging is always exercised. */
  #list({ afterShardId, from, nextToken }: ListShardsRequest): ShardPage {
    const [skip, after, since] = (nextToken ?? `0|${afterShardId ?? ''}|${timeOf(from)}`).split('|') as [
      string,
      string,
      string,
    ]
    const all = this.shards.filter(
      (s) => !s.gone && s.shardId > after && (!s.closed || since === '' || Number(since) <= lastArrivalMs(s)),
    )
    const shards = all.slice(Number(skip), Number(skip) + 2)
    const next = Number(skip) + 2
    return { shards, nextToken: next < all.length ? `${next}|${after}|${since}` : undefined }
  }

  #iterator(shardId: string, next: number): string {
    const token = `iterator-${this.#iterators.size}`
    this.#iterators.set(token, { shardId, next, issuedMs: this.#clock.now() })
    return token
  }

  #records({ shardId, next, issuedMs }: FakeIterator, limit: number): RecordsPage {
    const nowMs = this.#clock.now()
    if (nowMs - issuedMs > 300_000) throw awsError('ExpiredIteratorException')
    const recent = (this.#callsByShard.get(shardId) ?? []).filter((atMs) => nowMs - atMs < 1_000)
    this.#callsByShard.set(shardId, recent)
    if (this.throttles && recent.length >= 5) throw awsError('ProvisionedThroughputExceededException')
    recent.push(nowMs)
    const shard = this.#shard(shardId)
    const records = shard.records.slice(next, next + Math.min(limit, this.recordsPerAnswer))
    const end = next + records.length
    const done = shard.closed && end >= shard.records.length
    return {
      records,
      nextIterator: done ? undefined : this.#iterator(shardId, end),
      millisBehindLatest: this.#behindMs(shard, end),
      childShardIds: done ? shard.children : [],
    }
  }

  #consumer(name: string): ConsumerDescription {
    const consumer = this.consumers.get(name)
    if (consumer === undefined) throw awsError('ResourceNotFoundException')
    return { consumerArn: consumer.arn, status: this.#clock.now() >= consumer.activeAtMs ? 'ACTIVE' : 'CREATING' }
  }

  #subscribe(
    arn: string,
    shardId: string,
    position: ShardPosition,
    signal: AbortSignal,
  ): AsyncIterator<SubscriptionEvent> {
    const nowMs = this.#clock.now()
    if (![...this.consumers.values()].some((consumer) => consumer.arn === arn))
      throw awsError('ResourceNotFoundException')
    const key = `${arn} ${shardId}`
    for (const older of this.#subscriptions) {
      if (older.key !== key) continue
      if (nowMs - older.openedMs < 5_000) throw awsError('ResourceInUseException')
      this.#end(older, awsError('ResourceInUseException'))
    }
    const shard = this.#shard(shardId)
    this.subscribedFrom.push(position)
    const subscription: FakeSubscription = { key, openedMs: nowMs, queue: [], wake: () => {}, end: undefined }
    this.#subscriptions.add(subscription)
    signal.addEventListener('abort', () => this.#end(subscription, awsError('AbortError')), { once: true })
    this.#scheduler.after(300_000, () => this.#end(subscription, undefined))
    return this.#events(
      subscription,
      shard,
      this.#indexOf(shard, position) - (position.type === 'AFTER_SEQUENCE_NUMBER' ? this.overlap : 0),
    )
  }

  async *#events(subscription: FakeSubscription, shard: FakeShard, from: number): AsyncGenerator<SubscriptionEvent> {
    let at = Math.max(0, from)
    let lastEventMs = this.#clock.now()
    for (;;) {
      if (subscription.end !== undefined) {
        if (subscription.end.error !== undefined) throw subscription.end.error
        return
      }
      const records = shard.records.slice(at, at + this.recordsPerAnswer)
      at += records.length
      const done = shard.closed && at >= shard.records.length
      const nowMs = this.#clock.now()
      if (records.length === 0 && !done && nowMs - lastEventMs < 5_000) {
        await new Promise<void>((resolve) => {
          subscription.wake = resolve
          this.#scheduler.after(5_000, resolve)
        })
        continue
      }
      lastEventMs = nowMs
      this.deliveredEvents++
      const last = shard.records[at - 1]?.SequenceNumber ?? '0'
      yield {
        records,
        continuation: done ? undefined : last,
        millisBehindLatest: this.#behindMs(shard, at),
        childShardIds: done ? shard.children : [],
      }
      if (done) return this.#end(subscription, undefined)
    }
  }

  #end(subscription: FakeSubscription, error: Error | undefined): void {
    subscription.end ??= error === undefined ? {} : { error }
    this.#subscriptions.delete(subscription)
    subscription.wake()
  }

  #behindMs(shard: FakeShard, next: number): number {
    const waiting = shard.records[next]
    return waiting === undefined ? 0 : Math.max(1, this.#clock.now() - waiting.ApproximateArrivalTimestamp.getTime())
  }

  #indexOf(shard: FakeShard, position: ShardPosition): number {
    const index = shard.records.findIndex((record) => {
      if (position.type === 'TRIM_HORIZON') return true
      if (position.type === 'AT_TIMESTAMP') return record.ApproximateArrivalTimestamp.getTime() >= position.timestampMs
      return compareSequenceNumbers(record.SequenceNumber, position.sequenceNumber) > 0
    })
    return index === -1 ? shard.records.length : index
  }

  #shard(shardId: string): FakeShard {
    const shard = this.shards.find((s) => s.shardId === shardId && !s.gone)
    if (shard === undefined) throw awsError('ResourceNotFoundException')
    return shard
  }

  #open(parentShardIds: string[], start: bigint, end: bigint): string {
    const shardId = `shardId-${String(this.shards.length).padStart(12, '0')}`
    this.shards.push({
      shardId,
      parentShardIds,
      startingHashKey: String(start),
      endingHashKey: String(end),
      records: [],
      closed: false,
      gone: false,
      children: [],
    })
    return shardId
  }

  #close(shard: FakeShard): void {
    shard.closed = true
  }

  #announce(): void {
    for (const subscription of this.#subscriptions) subscription.wake()
  }

  #nextSequence(): string {
    return String(49_000_000_000_000_000_000_000_000n * 10n ** 30n + BigInt(++this.#sequence))
  }
}

function timeOf(from: ListShardsRequest['from']): string {
  return from?.type === 'AT_TIMESTAMP' ? String(from.timestampMs) : ''
}

function lastArrivalMs(shard: FakeShard): number {
  return shard.records[shard.records.length - 1]?.ApproximateArrivalTimestamp.getTime() ?? 0
}
