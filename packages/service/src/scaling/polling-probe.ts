import type { Cancellable, Clock, Logger, Scheduler, Split } from '@millrace/engine/spi'
import type { ExecutionCredentials, SessionCredentials } from '../access/execution-credentials.ts'
import type { AwsRoleCredentials } from '../access/role-credentials.ts'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { sessionName, sessionOwner } from '../applications/process-session.ts'
import { type LookAtShard, ShardPolls } from './shard-polls.ts'
import { isPassing, openShardReader, type ShardReader, type ShardReaderSettings } from './shard-reader.ts'
import {
  type ShardPlace,
  type SourceListener,
  type SourceProbe,
  streamArnPrefix,
  unfinishedShards,
} from './source-probe.ts'

export interface PollingProbeParts {
  /** Streams of this one are where `streamsUrl` says, all others at Amazon. */
  readonly account: { readonly region: string; readonly accountId: string }
  /** Where jobs find streams; undefined: at Amazon. */
  streamsUrl(): string | undefined
  readonly executionCredentials: {
    issue(...of: Parameters<ExecutionCredentials['issue']>): SessionCredentials
  }
  readonly roleCredentials: AwsRoleCredentials
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
  /** By the AWS SDK unless given. */
  readonly openReader?: (settings: ShardReaderSettings) => ShardReader
}

/**
 * Watches streams of other processes and Amazon's: asks each shard every 400 ms for a record behind the application's
 * position, with the rights of the application's role.
 */
export class PollingProbe implements SourceProbe {
  readonly #parts: PollingProbeParts
  readonly #arnPrefix: string
  /** By endpoint, so that one that hangs holds up no other. */
  readonly #polls = new Map<string, ShardPolls>()

  constructor(parts: PollingProbeParts) {
    this.#parts = parts
    this.#arnPrefix = streamArnPrefix(parts.account)
  }

  watch(application: ApplicationRecord, splits: readonly Split[], listener: SourceListener): Cancellable | undefined {
    const places = unfinishedShards(splits) ?? []
    const watched: { place: ShardPlace; settings: ShardReaderSettings }[] = []
    for (const place of places) {
      const settings = this.#readerSettings(application, place.streamArn)
      if (settings === undefined) return undefined
      watched.push({ place, settings })
    }
    if (watched.length === 0) return undefined
    const watch = new PollingWatch(this.#parts.openReader ?? openShardReader, listener)
    for (const { place, settings } of watched) watch.add(place, settings, this.#pollsAt(idOf(settings)))
    return watch
  }

  /** Undefined when the application's role has no rights there. */
  #readerSettings(application: ApplicationRecord, streamArn: string): ShardReaderSettings | undefined {
    const { account, streamsUrl, executionCredentials, roleCredentials } = this.#parts
    const { name, serviceExecutionRole } = application
    const endpoint = streamArn.startsWith(this.#arnPrefix) ? streamsUrl() : undefined
    if (endpoint !== undefined) {
      // The rights of the last process ended with it: these are those of the next one.
      const epoch = application.epoch + 1
      const session = sessionName(application, epoch)
      const owner = sessionOwner(application, epoch)
      const credentials = async () => executionCredentials.issue(serviceExecutionRole, session, owner)
      return { endpoint, region: account.region, credentials }
    }
    const credentials = roleCredentials.of(serviceExecutionRole, name)
    const region = streamArn.split(':')[3] ?? ''
    return credentials === undefined ? undefined : { endpoint, region, credentials }
  }

  #pollsAt(id: string): ShardPolls {
    const polls = this.#polls.get(id) ?? new ShardPolls(this.#parts)
    this.#polls.set(id, polls)
    return polls
  }
}

/** What a reader is for. */
function idOf({ endpoint, region }: ShardReaderSettings): string {
  return endpoint ?? region
}

/** The shards of an application, of which the first that has something ends it. */
class PollingWatch implements Cancellable {
  readonly #open: (settings: ShardReaderSettings) => ShardReader
  #listener: SourceListener | undefined
  readonly #readers = new Map<string, ShardReader>()
  readonly #looks: Cancellable[] = []

  constructor(open: (settings: ShardReaderSettings) => ShardReader, listener: SourceListener) {
    this.#open = open
    this.#listener = listener
  }

  add(place: ShardPlace, settings: ShardReaderSettings, polls: ShardPolls): void {
    const reader = this.#readers.get(idOf(settings)) ?? this.#open(settings)
    this.#readers.set(idOf(settings), reader)
    this.#looks.push(polls.add(`${place.streamArn}/${place.shardId}`, this.#lookAt(place, reader)))
  }

  cancel(): void {
    this.#end()
  }

  #lookAt(place: ShardPlace, reader: ShardReader): LookAtShard {
    let next: string | undefined
    return async () => {
      const isFresh = next === undefined
      try {
        const iterator = next ?? (await reader.iterator(place))
        const { hasRecord, nextIterator, millisBehindLatest } = await reader.read(place.streamArn, iterator)
        next = nextIterator
        if (!hasRecord && nextIterator !== undefined) return { kind: millisBehindLatest > 0 ? 'behind' : 'empty' }
        // At the end of a closed shard the application has to see its children.
        this.#end()?.onData()
      } catch (error) {
        if (this.#listener === undefined) return { kind: 'over' }
        if (isPassing(error)) return { kind: 'failed', error }
        if (!isFresh) {
          // It may be too old, or of a service that was started anew: the position is asked for another.
          next = undefined
          return { kind: 'behind' }
        }
        const { name, message } = error as Error
        this.#end()?.onRefused(`${name}: ${message}`)
      }
      return { kind: 'over' }
    }
  }

  /** The listener, the first time. */
  #end(): SourceListener | undefined {
    const listener = this.#listener
    this.#listener = undefined
    for (const look of this.#looks.splice(0)) look.cancel()
    for (const reader of this.#readers.values()) reader.close()
    return listener
  }
}
