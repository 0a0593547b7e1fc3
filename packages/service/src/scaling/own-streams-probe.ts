import { asEngineError, type Cancellable, type Clock, type Split } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { Shard } from '../ingest/shard.ts'
import { resolvePosition } from '../ingest/starting-position.ts'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import {
  type ShardPlace,
  type SourceListener,
  type SourceProbe,
  streamArnPrefix,
  unfinishedShards,
} from './source-probe.ts'

/** Watches streams that this process serves itself: their logs call when a record has become durable. */
export class OwnStreamsProbe implements SourceProbe {
  readonly #registry: Pick<StreamRegistry, 'get'>
  readonly #arnPrefix: string
  readonly #clock: Clock

  constructor(
    registry: Pick<StreamRegistry, 'get'>,
    account: { readonly region: string; readonly accountId: string },
    clock: Clock,
  ) {
    this.#registry = registry
    this.#arnPrefix = streamArnPrefix(account)
    this.#clock = clock
  }

  watch(_: ApplicationRecord, splits: readonly Split[], listener: SourceListener): Cancellable | undefined {
    const watched: { shard: Shard; place: ShardPlace }[] = []
    for (const place of unfinishedShards(splits) ?? []) {
      const shard = this.#shardOf(place)
      if (shard === undefined) return undefined
      watched.push({ shard, place })
    }
    if (watched.length === 0) return undefined
    const watch = new ShardWatch(listener)
    for (const { shard, place } of watched) watch.add(shard, place, this.#clock)
    return watch
  }

  #shardOf({ streamArn, shardId }: ShardPlace): Shard | undefined {
    if (!streamArn.startsWith(this.#arnPrefix)) return undefined
    const stream = this.#registry.get(streamArn.slice(this.#arnPrefix.length))
    return stream === undefined || stream.isDeleting ? undefined : stream.shardById(shardId)
  }
}

/** Some shards of which the first that has something calls. */
class ShardWatch implements Cancellable {
  #listener: SourceListener | undefined
  readonly #takeOff: (() => void)[] = []

  constructor(listener: SourceListener) {
    this.#listener = listener
  }

  add(shard: Shard, { position }: ShardPlace, clock: Clock): void {
    // First: a record that becomes durable while the position is looked up is behind it.
    this.#takeOff.push(shard.log.onDurable(() => this.#end()?.onData()))
    holdsMore(shard, position, clock.now()).then(
      (isBehind) => {
        if (isBehind) this.#end()?.onData()
      },
      (error) => this.#end()?.onRefused(asEngineError(error).message),
    )
  }

  cancel(): void {
    this.#end()
  }

  /** The listener, the first time. */
  #end(): SourceListener | undefined {
    const listener = this.#listener
    this.#listener = undefined
    for (const takeOff of this.#takeOff.splice(0)) takeOff()
    return listener
  }
}

/** Whether the shard has records that the application hasn't had. */
async function holdsMore(shard: Shard, position: ShardPlace['position'], nowMs: number): Promise<boolean> {
  const { type, sequenceNumber, timestampMs } = { sequenceNumber: undefined, timestampMs: undefined, ...position }
  const index = await resolvePosition(shard, { type, sequenceNumber, timestampMs }, nowMs)
  // Indexes have gaps, where a log was opened again: only a read tells.
  return index < shard.log.tipIndex && (await shard.log.read(index, { maxRecords: 1, maxBytes: 1 })).length > 0
}
