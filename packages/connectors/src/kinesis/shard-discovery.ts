import type { Logger } from '@millrace/engine/spi'
import { classifyAwsError } from '../aws/aws-errors.ts'
import { type RetrySurroundings, retrying } from '../aws/retry.ts'
import type { KinesisApi, ListShardsRequest, ShardDescription, ShardPage } from './kinesis-api.ts'
import type { StartPosition } from './splits.ts'

/** Lists shards, page by page, repeating what fails. */
export class ShardDiscovery {
  readonly #api: KinesisApi
  readonly #around: RetrySurroundings
  readonly #unavailableAfterMs: number
  readonly #logger: Logger

  constructor(api: KinesisApi, around: RetrySurroundings, unavailableAfterMs: number, logger: Logger) {
    this.#api = api
    this.#around = around
    this.#unavailableAfterMs = unavailableAfterMs
    this.#logger = logger
  }

  /**
   * The shards a first start reads, and the start that really applies: where the service refuses a time older than the
   * stream's retention, everything there is.
   */
  async first(start: StartPosition): Promise<{ shards: ShardDescription[]; start: StartPosition }> {
    try {
      return { shards: await this.#list({ from: start }), start }
    } catch (error) {
      const refused = start.type === 'AT_TIMESTAMP' && classifyAwsError((error as Error).cause) === 'rejected'
      if (!refused) throw error
      this.#logger.warn('start time refused, starting at the trim horizon', { timestampMs: start.timestampMs })
      return { shards: await this.#list({}), start: { type: 'TRIM_HORIZON' } }
    }
  }

  /** Shards after the last one seen; all unexpired ones when none was. */
  after(lastSeenShardId: string | null): Promise<ShardDescription[]> {
    return this.#list(lastSeenShardId === null ? {} : { afterShardId: lastSeenShardId })
  }

  /** Every unexpired shard's id. */
  async ids(): Promise<Set<string>> {
    return new Set((await this.#list({})).map(({ shardId }) => shardId))
  }

  async #list(request: ListShardsRequest): Promise<ShardDescription[]> {
    const shards: ShardDescription[] = []
    let page: ListShardsRequest = request
    for (;;) {
      const answer = await this.#page(page)
      // A token that expired while calls were throttled: the listing starts over.
      if (answer === undefined) {
        shards.length = 0
        page = request
        continue
      }
      shards.push(...answer.shards)
      if (answer.nextToken === undefined) return shards.sort((a, b) => (a.shardId < b.shardId ? -1 : 1))
      page = { nextToken: answer.nextToken }
    }
  }

  #page(request: ListShardsRequest): Promise<ShardPage | undefined> {
    return retrying(this.#around, 'Listing the shards', this.#unavailableAfterMs, async () => {
      try {
        return await this.#api.listShards(request)
      } catch (error) {
        if (request.nextToken !== undefined && classifyAwsError(error) === 'expired') return undefined
        throw error
      }
    })
  }
}
