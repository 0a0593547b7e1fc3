import { asEngineError, type Cancellable, type Clock, type Logger, type Split } from '@millrace/engine/spi'
import type { Shard } from '../ingest/shard.ts'
import { resolvePosition } from '../ingest/starting-position.ts'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import { type ShardPlace, type SourceProbe, shardPlaceOf } from './source-probe.ts'

interface Surroundings {
  readonly clock: Clock
  readonly logger: Logger
}

/** Watches streams that this process serves itself: their logs call when a record has become durable. */
export class OwnStreamsProbe implements SourceProbe {
  readonly #registry: Pick<StreamRegistry, 'get'>
  /** `arn:aws:kinesis:<region>:<account>:stream/` */
  readonly #arnPrefix: string
  readonly #surroundings: Surroundings

  constructor(
    registry: Pick<StreamRegistry, 'get'>,
    account: { readonly region: string; readonly accountId: string },
    surroundings: Surroundings,
  ) {
    this.#registry = registry
    this.#arnPrefix = `arn:aws:kinesis:${account.region}:${account.accountId}:stream/`
    this.#surroundings = surroundings
  }

  watch(splits: readonly Split[], onData: () => void): Cancellable | undefined {
    const watched: { shard: Shard; place: ShardPlace }[] = []
    for (const split of splits) {
      const place = shardPlaceOf(split)
      if (place === undefined) return undefined
      if (place.finished) continue
      const shard = this.#shardOf(place)
      if (shard === undefined) return undefined
      watched.push({ shard, place })
    }
    if (watched.length === 0) return undefined
    const watch = new ShardWatch(onData)
    for (const { shard, place } of watched) watch.add(shard, place, this.#surroundings)
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
  #onData: (() => void) | undefined
  readonly #takeOff: (() => void)[] = []

  constructor(onData: () => void) {
    this.#onData = onData
  }

  add(shard: Shard, { position }: ShardPlace, { clock, logger }: Surroundings): void {
    // First: a record that becomes durable while the position is looked up is behind it.
    this.#takeOff.push(shard.log.onDurable(() => this.#call()))
    holdsMore(shard, position, clock.now()).then(
      (isBehind) => {
        if (isBehind) this.#call()
      },
      (error) => {
        // A position that the stream doesn't know is for the application to report: it must run for that.
        logger.warn('position of a hibernating application not found', { reason: asEngineError(error).message })
        this.#call()
      },
    )
  }

  cancel(): void {
    this.#onData = undefined
    for (const takeOff of this.#takeOff.splice(0)) takeOff()
  }

  #call(): void {
    const onData = this.#onData
    this.cancel()
    onData?.()
  }
}

/** Whether the shard has records that the application hasn't had. */
async function holdsMore(shard: Shard, position: ShardPlace['position'], nowMs: number): Promise<boolean> {
  const { type, sequenceNumber, timestampMs } = { sequenceNumber: undefined, timestampMs: undefined, ...position }
  const index = await resolvePosition(shard, { type, sequenceNumber, timestampMs }, nowMs)
  // Indexes have gaps, where a log was opened again: only a read tells.
  return index < shard.log.tipIndex && (await shard.log.read(index, { maxRecords: 1, maxBytes: 1 })).length > 0
}
