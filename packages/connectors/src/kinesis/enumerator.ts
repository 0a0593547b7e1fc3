import { type Counter, EngineError, type EnumeratorContext, type SplitEnumerator } from '@millrace/engine/spi'
import { classifyAwsError } from '../aws/aws-errors.ts'
import { Aborted, sleepUnlessAborted } from '../aws/backoff.ts'
import { type RetrySurroundings, retrying } from '../aws/retry.ts'
import { ConsumerRegistration, defaultConsumerName } from './consumer-registration.ts'
import type { KinesisApi, ShardDescription, StreamDescription } from './kinesis-api.ts'
import type { KinesisSettings } from './options.ts'
import { assignUniformly, subtaskForNewSplit } from './shard-assignment.ts'
import { ShardDiscovery } from './shard-discovery.ts'
import type {
  EnumeratorEvent,
  KinesisEnumeratorState,
  KinesisSplit,
  ReaderEvent,
  ShardPosition,
  StartPosition,
} from './splits.ts'

const creatingPauseMs = 500
/** Between two looks for children that were told and aren't listed yet. */
const unlistedPauseMs = 1_000
const hourMs = 3_600_000

/** Finds shards, assigns each when its parents are read to their end, and keeps the fan-out consumer. */
export class KinesisEnumerator implements SplitEnumerator<KinesisSplit, KinesisEnumeratorState> {
  readonly #context: EnumeratorContext<KinesisSplit>
  readonly #settings: KinesisSettings<unknown>
  readonly #api: KinesisApi
  readonly #around: RetrySurroundings
  readonly #discovery: ShardDiscovery
  readonly #closing = new AbortController()
  readonly #possibleDataLoss: Counter
  /** Splits no reader holds, by shard. */
  readonly #waiting = new Map<string, KinesisSplit>()
  /** Where each unfinished split is read. */
  readonly #assigned = new Map<string, number>()
  /** Where a finished split was read, until its children are assigned. */
  readonly #finishedAt = new Map<string, number>()
  /** Given back at a restore, so that their shards must be checked. */
  readonly #restoredIds = new Set<string>()
  readonly #lostIds: Set<string>
  #streamArn: string | null
  #start: StartPosition | null
  #lastSeenShardId: string | null
  #consumer: ConsumerRegistration | undefined
  #consumerArn: string | undefined
  #ready = false
  #anyAssigned = false
  #running: Promise<void> = Promise.resolve()

  constructor(
    context: EnumeratorContext<KinesisSplit>,
    settings: KinesisSettings<unknown>,
    restored: KinesisEnumeratorState | undefined,
    api: KinesisApi,
  ) {
    this.#context = context
    this.#settings = settings
    this.#api = api
    const { clock, scheduler, random, logger, metrics } = context
    this.#around = { clock, scheduler, random, signal: this.#closing.signal }
    this.#discovery = new ShardDiscovery(api, this.#around, settings.unavailableAfterMs, logger)
    this.#streamArn = restored?.streamArn ?? null
    this.#start = restored?.start ?? null
    this.#lastSeenShardId = restored?.lastSeenShardId ?? null
    for (const split of restored?.waiting ?? []) this.#keepRestored(split)
    this.#lostIds = new Set(restored?.assigned)
    this.#possibleDataLoss = metrics.counter('possibleDataLoss')
    metrics.gauge('pendingChildren', () => this.#waiting.size)
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (!(error instanceof Aborted)) this.#context.fail(error)
    })
  }

  addReader(subtask: number): void {
    if (this.#consumerArn !== undefined) this.#tell(subtask, { type: 'consumer', consumerArn: this.#consumerArn })
    this.#assign()
  }

  addSplitsBack(splits: readonly KinesisSplit[]): void {
    for (const split of splits) {
      this.#assigned.delete(split.id)
      this.#lostIds.delete(split.id)
      // A finished one needs nothing but to be known as read: whatever isn't waiting or assigned is.
      if (split.finished) this.#waiting.delete(split.id)
      else this.#keepRestored(split)
    }
    this.#assign()
  }

  handleEvent(subtask: number, event: unknown): void {
    const told = event as ReaderEvent
    const answering =
      told.type === 'shard-finished' ? this.#finished(subtask, told) : this.#missing(subtask, told.shardId)
    answering.catch((error: unknown) => {
      if (!(error instanceof Aborted)) this.#context.fail(error)
    })
  }

  snapshotState(): KinesisEnumeratorState {
    return {
      version: 1,
      streamArn: this.#streamArn,
      start: this.#start,
      lastSeenShardId: this.#lastSeenShardId,
      waiting: [...this.#waiting.values()],
      assigned: [...this.#assigned.keys()],
    }
  }

  /** With the reason `ended` a job-managed consumer is deregistered; otherwise it stays for the next attempt. */
  async close(reason?: 'ended'): Promise<void> {
    this.#closing.abort()
    await this.#running
    if (reason === 'ended' && (await this.#consumer?.deregister(this.#context.scheduler)) === 'failed') {
      this.#context.logger.warn('fan-out consumer not deregistered', { consumerArn: this.#consumerArn })
    }
    this.#api.close()
  }

  async #run(): Promise<void> {
    const stream = await this.#streamReady()
    this.#sameStream(stream.streamArn)
    this.#streamArn = stream.streamArn
    const consumer = this.#settings.readerType === 'fan-out' ? this.#useConsumer(stream.streamArn) : undefined
    if (this.#start === null) await this.#firstDiscovery(stream)
    else await this.#checkRestored(stream)
    await consumer
    this.#ready = true
    this.#assign()
    for (;;) {
      await sleepUnlessAborted(this.#context.scheduler, this.#settings.shardDiscoveryIntervalMs, this.#closing.signal)
      await this.#discover()
    }
  }

  /** The stream, once it can be read. */
  async #streamReady(): Promise<StreamDescription> {
    for (;;) {
      const stream = await this.#describeStream()
      if (stream.status !== 'CREATING') return stream
      await sleepUnlessAborted(this.#context.scheduler, creatingPauseMs, this.#closing.signal)
    }
  }

  async #describeStream(): Promise<StreamDescription> {
    const { name } = this.#settings.stream
    const what = `Describing stream '${name}'`
    return retrying(this.#around, what, this.#settings.unavailableAfterMs, () => this.#api.describeStream()).catch(
      (error: unknown) => {
        if (classifyAwsError((error as Error).cause) !== 'missing') throw error
        throw new EngineError('KINESIS_STREAM_MISSING', {
          kind: 'invalid',
          message: `There is no Kinesis stream '${name}'.`,
          hint: 'Check its name, the region, the account and the endpoint; create it before the application starts.',
          details: { stream: name },
          cause: error,
        })
      },
    )
  }

  #sameStream(streamArn: string): void {
    if (this.#streamArn === null || this.#streamArn === streamArn) return
    throw new EngineError('KINESIS_STREAM_CHANGED', {
      kind: 'invalid',
      message: `The restored positions belong to ${this.#streamArn}; the source now reads ${streamArn}.`,
      hint: 'Give the source of the other stream another uid, so that it starts by its initialPosition.',
      details: { restored: this.#streamArn, configured: streamArn },
    })
  }

  async #useConsumer(streamArn: string): Promise<void> {
    const { consumerName, consumerLifecycle: lifecycle, unavailableAfterMs } = this.#settings
    const name = consumerName ?? defaultConsumerName(this.#context.applicationName, this.#context.operatorId)
    this.#consumer ??= new ConsumerRegistration(this.#api, this.#around, {
      streamArn,
      name,
      lifecycle,
      unavailableAfterMs,
    })
    this.#consumerArn = await this.#consumer.ready()
    for (const subtask of this.#context.registeredReaders) {
      this.#tell(subtask, { type: 'consumer', consumerArn: this.#consumerArn })
    }
  }

  async #firstDiscovery(stream: StreamDescription): Promise<void> {
    const { shards, start } = await this.#discovery.first(this.#resolveStart(stream))
    this.#start = start
    this.#addShards(shards, start)
    this.#context.logger.info('reading a Kinesis stream', {
      stream: this.#settings.stream.name,
      shards: shards.length,
      start,
    })
  }

  /** LATEST is the server's time: this machine's may lie in the service's future, which it refuses. */
  #resolveStart({ serverTimeMs }: StreamDescription): StartPosition {
    const position = this.#settings.initialPosition
    if (position === 'TRIM_HORIZON') return { type: 'TRIM_HORIZON' }
    if (position !== 'LATEST') return { type: 'AT_TIMESTAMP', timestampMs: position.atTimestampMs }
    const timestampMs = Number.isNaN(serverTimeMs) ? this.#context.clock.now() : serverTimeMs
    return { type: 'AT_TIMESTAMP', timestampMs }
  }

  async #checkRestored({ retentionHours }: StreamDescription): Promise<void> {
    this.#noneLost()
    const listed = await this.#discovery.ids()
    const oldestMs = this.#context.clock.now() - retentionHours * hourMs
    for (const id of this.#restoredIds) {
      const split = this.#waiting.get(id)
      if (split === undefined) continue
      if (split.readUpToMs !== null && split.readUpToMs < oldestMs) this.#lossPossible(split, oldestMs)
      if (!listed.has(id)) {
        this.#context.logger.warn('restored shard is past retention, finished', { shardId: id })
        this.#waiting.delete(id)
      }
    }
    this.#restoredIds.clear()
    await this.#discover()
  }

  #noneLost(): void {
    if (this.#lostIds.size === 0) return
    throw new EngineError('KINESIS_POSITIONS_LOST', {
      kind: 'corrupt',
      message: `The restored state has no positions of ${[...this.#lostIds].join(', ')}, which were being read.`,
      hint: 'Restore from another checkpoint.',
      details: { shardIds: [...this.#lostIds] },
    })
  }

  #lossPossible(split: KinesisSplit, oldestMs: number): void {
    this.#possibleDataLoss.value++
    const hours = Math.round((oldestMs - split.readUpToMs!) / hourMs)
    const details = { stream: this.#settings.stream.name, shardId: split.id, hoursPastRetention: hours }
    if (!this.#settings.failOnDataLoss) {
      this.#context.logger.warn('position is older than the retention, records may be lost', details)
      return
    }
    throw new EngineError('KINESIS_DATA_LOST', {
      kind: 'invalid',
      message: `The position in ${split.id} is ${hours} h older than what the stream retains; records may be lost.`,
      hint: 'Set failOnDataLoss to false to go on with what is left.',
      details,
    })
  }

  async #discover(): Promise<void> {
    // Found after the start, so nothing of them was before it.
    this.#addShards(await this.#discovery.after(this.#lastSeenShardId), { type: 'TRIM_HORIZON' })
    this.#assign()
  }

  #addShards(shards: readonly ShardDescription[], position: ShardPosition): void {
    for (const { shardId, ...shard } of shards) {
      if (this.#lastSeenShardId !== null && shardId <= this.#lastSeenShardId) continue
      this.#lastSeenShardId = shardId
      const streamArn = this.#streamArn!
      this.#waiting.set(shardId, { id: shardId, streamArn, ...shard, position, readUpToMs: null, finished: false })
    }
  }

  #keepRestored(split: KinesisSplit): void {
    this.#waiting.set(split.id, split)
    this.#restoredIds.add(split.id)
  }

  /** Assigns what may be read, once every reader is there. */
  #assign(): void {
    const { registeredReaders, parallelism } = this.#context
    if (!this.#ready || registeredReaders.size < parallelism) return
    const eligible = [...this.#waiting.values()].filter((split) => this.#parentsRead(split))
    if (eligible.length === 0) return
    if (!this.#anyAssigned)
      for (const [subtask, splits] of assignUniformly(eligible, parallelism)) this.#hand(subtask, splits)
    else for (const split of eligible) this.#hand(this.#subtaskFor(split), [split])
    this.#anyAssigned = true
  }

  #parentsRead({ parentShardIds }: KinesisSplit): boolean {
    return parentShardIds.every((parent) => !this.#waiting.has(parent) && !this.#assigned.has(parent))
  }

  #subtaskFor({ parentShardIds }: KinesisSplit): number {
    const loads = new Array<number>(this.#context.parallelism).fill(0)
    for (const subtask of this.#assigned.values()) loads[subtask]!++
    const near = parentShardIds.map((parent) => this.#finishedAt.get(parent)).filter((subtask) => subtask !== undefined)
    return subtaskForNewSplit(loads, near)
  }

  #hand(subtask: number, splits: readonly KinesisSplit[]): void {
    for (const { id } of splits) {
      this.#waiting.delete(id)
      this.#assigned.set(id, subtask)
    }
    this.#context.assignSplits(subtask, splits)
  }

  /**
   * A shard is read to its end: its children are assigned first, then it may let go of the watermark. Children that the
   * listing doesn't know yet are looked for until it does.
   */
  async #finished(
    subtask: number,
    { shardId, childShardIds }: ReaderEvent & { type: 'shard-finished' },
  ): Promise<void> {
    this.#assigned.delete(shardId)
    this.#finishedAt.set(shardId, subtask)
    this.#assign()
    if (this.#areUnlisted(childShardIds)) await this.#discover()
    this.#finishedAt.delete(shardId)
    this.#tell(subtask, { type: 'release', shardId })
    while (this.#areUnlisted(childShardIds)) {
      await sleepUnlessAborted(this.#context.scheduler, unlistedPauseMs, this.#closing.signal)
      await this.#discover()
    }
  }

  #areUnlisted(shardIds: readonly string[]): boolean {
    return shardIds.some((shardId) => this.#lastSeenShardId === null || shardId > this.#lastSeenShardId)
  }

  /** A reader's shard isn't there: the stream is gone (the job fails), the shard (it is finished), or the consumer (a new one). */
  async #missing(subtask: number, shardId: string): Promise<void> {
    const stream = await this.#describeStream()
    if (stream.status === 'DELETING') throw this.#deleted()
    if ((await this.#discovery.ids()).has(shardId)) {
      if (this.#settings.readerType === 'fan-out') await this.#useConsumer(stream.streamArn)
      this.#tell(subtask, { type: 'read-again', shardId })
      return
    }
    this.#context.logger.warn('shard is past retention, finished', { shardId })
    this.#assigned.delete(shardId)
    this.#assign()
    this.#tell(subtask, { type: 'shard-gone', shardId })
  }

  #deleted(): EngineError {
    return new EngineError('KINESIS_STREAM_MISSING', {
      kind: 'invalid',
      message: `Kinesis stream '${this.#settings.stream.name}' is being deleted.`,
      details: { stream: this.#settings.stream.name },
    })
  }

  #tell(subtask: number, event: EnumeratorEvent): void {
    this.#context.sendEvent(subtask, event)
  }
}
