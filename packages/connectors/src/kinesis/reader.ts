import type { PollResult, ReaderOutput, SourceReader, SplitOutput, SubtaskContext } from '@millrace/engine/spi'
import { parseArn } from '../aws/aws-options.ts'
import { Aborted } from '../aws/backoff.ts'
import { subscribeShard } from './fan-out-fetcher.ts'
import { createFetchMetrics, type Fetching } from './fetching.ts'
import type { KinesisApi } from './kinesis-api.ts'
import type { KinesisSettings } from './options.ts'
import { pollShard } from './polling-fetcher.ts'
import { RecordEmitter, type ToElement } from './record-emitter.ts'
import { ShardFeed } from './shard-feed.ts'
import type { EnumeratorEvent, KinesisSplit, ReaderEvent, ShardPosition } from './splits.ts'

/** Most records one `poll` emits. */
const sliceRecords = 1_000

/** A shard being read. */
interface ActiveShard {
  readonly split: KinesisSplit
  readonly feed: ShardFeed
  /** Position after the last emitted record. */
  position: ShardPosition
  /** Records of the head chunk that are emitted. */
  cursor: number
  /** What the output was told last; undefined before it was told anything. */
  caughtUp: boolean | undefined
}

/** A shard read to its end, kept in snapshots until one that is complete was taken after its release. */
interface FinishedShard {
  readonly split: KinesisSplit
  readonly childShardIds: readonly string[]
  state: 'to-report' | 'reported' | 'to-release' | 'released'
  /** The first checkpoint whose snapshot was taken after the release. */
  releasedAt: number | undefined
}

/** Reads shards of one subtask, each by a fetcher of its own in the background, and emits them in turns. */
export class KinesisReader<T, O> implements SourceReader<O, KinesisSplit> {
  readonly #context: SubtaskContext
  readonly #settings: KinesisSettings<T>
  readonly #fetching: Fetching
  readonly #emitter: RecordEmitter<T, O>
  readonly #active = new Map<string, ActiveShard>()
  readonly #finished = new Map<string, FinishedShard>()
  readonly #fetchers = new Set<Promise<void>>()
  readonly #consumer: ConsumerArn = new ConsumerArn()
  #turn: ActiveShard[] = []
  #nextTurn = 0
  #wake: () => void = () => {}
  #failure: { readonly error: unknown } | undefined
  #news = false
  #noMoreSplits = false
  #closed = false

  constructor(context: SubtaskContext, settings: KinesisSettings<T>, toElement: ToElement<T, O>, api: KinesisApi) {
    this.#context = context
    this.#settings = settings
    const { clock, scheduler, random, metrics, operatorName } = context
    const around = { clock, scheduler, random }
    this.#fetching = { api, around, settings, metrics: createFetchMetrics(metrics) }
    this.#emitter = new RecordEmitter(settings, operatorName, toElement, metrics.counter('droppedAggregates'))
  }

  start(wake: () => void): void {
    this.#wake = wake
  }

  addSplits(splits: readonly KinesisSplit[]): void {
    for (const split of splits) {
      if (split.finished) this.#finished.set(split.id, finishedShard(split, []))
      else this.#read(split)
    }
    this.#announce()
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true
    this.#wake()
  }

  handleEvent(event: unknown): void {
    const told = event as EnumeratorEvent
    switch (told.type) {
      case 'consumer':
        this.#consumer.set(told.consumerArn)
        return
      case 'release': {
        const shard = this.#finished.get(told.shardId)
        if (shard !== undefined && shard.state !== 'released') shard.state = 'to-release'
        break
      }
      case 'shard-gone': {
        const shard = this.#active.get(told.shardId)
        if (shard !== undefined) this.#finish(shard, []).state = 'to-release'
        break
      }
      case 'read-again':
        this.#active.get(told.shardId)?.feed.readAgain()
        return
    }
    this.#announce()
  }

  poll(output: ReaderOutput<O>): PollResult {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#news) this.#tellNews(output)
    const shard = this.#nextWithChunk()
    if (shard === undefined) return this.#noMoreSplits && this.#isDone() ? 'end' : 'nothing'
    this.#emitSlice(shard, output)
    return 'more'
  }

  snapshotState(checkpointId: number): readonly KinesisSplit[] {
    const splits: KinesisSplit[] = []
    for (const { split, feed, position } of this.#active.values()) {
      splits.push({ ...split, position, readUpToMs: feed.readUpToMs })
    }
    for (const shard of this.#finished.values()) {
      splits.push(shard.split)
      if (shard.state === 'released') shard.releasedAt ??= checkpointId
    }
    return splits
  }

  notifyCheckpointComplete(checkpointId: number): void {
    for (const [id, { releasedAt }] of this.#finished) {
      if (releasedAt !== undefined && releasedAt <= checkpointId) this.#finished.delete(id)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { feed } of this.#active.values()) feed.close()
    await Promise.all(this.#fetchers)
    this.#fetching.api.close()
  }

  #read(split: KinesisSplit): void {
    const feed = new ShardFeed(split, {
      wake: () => this.#announce(),
      failed: (error) => {
        this.#failure ??= { error }
        this.#wake()
      },
    })
    const shard: ActiveShard = { split, feed, position: split.position, cursor: 0, caughtUp: undefined }
    this.#active.set(split.id, shard)
    this.#turn.push(shard)
    this.#shardMetrics(split).gauge('millisBehindLatest', () => feed.millisBehindLatest)
    const fetching: Promise<unknown> =
      this.#settings.readerType === 'polling'
        ? pollShard(feed, this.#fetching)
        : subscribeShard(feed, this.#fetching, () => this.#consumer.get())
    const settled: Promise<void> = fetching
      .then(() => {})
      .catch((error: unknown) => {
        if (!(error instanceof Aborted)) feed.failed(error)
      })
      .finally(() => this.#fetchers.delete(settled))
    this.#fetchers.add(settled)
  }

  #shardMetrics({ id, streamArn }: KinesisSplit) {
    const { accountId, region } = parseArn(streamArn)
    const path = ['KinesisStreamSource', 'accountId', accountId, 'region', region]
    return [...path, 'stream', this.#settings.stream.name, 'shardId', id].reduce(
      (group, name) => group.group(name),
      this.#context.metrics,
    )
  }

  #announce(): void {
    this.#news = true
    if (!this.#closed) this.#wake()
  }

  /** Everything but records, in the order that keeps the watermark right: a child enters before its parent leaves. */
  #tellNews(output: ReaderOutput<O>): void {
    this.#news = false
    for (const shard of this.#active.values()) this.#tellTip(shard, output)
    for (const shard of this.#finished.values()) this.#tellFinished(shard, output)
  }

  #tellTip(shard: ActiveShard, output: ReaderOutput<O>): void {
    if (shard.feed.takeMissing()) output.sendEvent(readerEvent({ type: 'shard-missing', shardId: shard.split.id }))
    const { caughtUp } = shard.feed
    if (caughtUp === shard.caughtUp) return
    const split = output.split(shard.split.id)
    if (shard.caughtUp === undefined) this.#inherit(shard.split, split)
    split.setCaughtUp(caughtUp)
    shard.caughtUp = caughtUp
  }

  /**
   * The child of a split goes on from its parent's watermark. That of a merge waits for its own records instead: the
   * lower of two parents' would be right, and its records hold back what is emitted all the same.
   */
  #inherit({ parentShardIds: [parent, second] }: KinesisSplit, output: SplitOutput<O>): void {
    if (parent === undefined || second !== undefined) return
    const finished = this.#finished.get(parent)
    if (finished !== undefined && finished.state !== 'released') output.inheritWatermark(parent)
  }

  #tellFinished(shard: FinishedShard, output: ReaderOutput<O>): void {
    const shardId = shard.split.id
    if (shard.state === 'to-report') {
      output.sendEvent(readerEvent({ type: 'shard-finished', shardId, childShardIds: shard.childShardIds }))
      shard.state = 'reported'
    } else if (shard.state === 'to-release') {
      output.releaseSplit(shardId)
      shard.state = 'released'
    }
  }

  #nextWithChunk(): ActiveShard | undefined {
    const shards = this.#turn
    for (let i = 0; i < shards.length; i++) {
      if (this.#nextTurn >= shards.length) this.#nextTurn = 0
      const shard = shards[this.#nextTurn++]!
      if (shard.feed.head !== undefined) return shard
    }
    return undefined
  }

  #emitSlice(shard: ActiveShard, output: ReaderOutput<O>): void {
    const { records, end, childShardIds } = shard.feed.head!
    const to = Math.min(shard.cursor + Math.min(output.wanted, sliceRecords), records.length)
    if (to > shard.cursor) {
      this.#emitter.emit(records, shard.cursor, to, shard.split, output.split(shard.split.id))
      shard.position = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: records[to - 1]!.SequenceNumber }
      shard.cursor = to
    }
    if (to < records.length) return
    shard.cursor = 0
    shard.feed.shift()
    if (end) this.#tellFinished(this.#finish(shard, childShardIds), output)
    else this.#tellTip(shard, output)
  }

  #finish(shard: ActiveShard, childShardIds: readonly string[]): FinishedShard {
    const { split, feed, position } = shard
    const finished = finishedShard({ ...split, position, readUpToMs: feed.readUpToMs, finished: true }, childShardIds)
    feed.close()
    this.#active.delete(split.id)
    this.#turn = this.#turn.filter((other) => other !== shard)
    this.#finished.set(split.id, finished)
    return finished
  }

  #isDone(): boolean {
    return this.#active.size === 0 && [...this.#finished.values()].every(({ state }) => state === 'released')
  }
}

function finishedShard(split: KinesisSplit, childShardIds: readonly string[]): FinishedShard {
  return { split, childShardIds, state: 'to-report', releasedAt: undefined }
}

const readerEvent = (event: ReaderEvent): ReaderEvent => event

/** The consumer that the enumerator announced last; asked for before the first, it is waited for. */
class ConsumerArn {
  #known: string | undefined
  #waiters: ((arn: string) => void)[] = []

  set(arn: string): void {
    this.#known = arn
    for (const resolve of this.#waiters.splice(0)) resolve(arn)
  }

  get(): Promise<string> {
    const known = this.#known
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => this.#waiters.push(resolve))
  }
}
