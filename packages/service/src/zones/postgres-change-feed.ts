import { asEngineError, type Cancellable, type Logger, type Scheduler } from '@millrace/engine/spi'
import pg from 'pg'
import { channelOf, postgresLimits } from '../storage/postgres-database.ts'
import { readPostgresUrl } from '../storage/postgres-url.ts'
import type { ChangeFeed } from './change-feed.ts'

const reconnectMs = 1_000

/** Changes by LISTEN, over a connection of its own that is made anew when it breaks. */
export class PostgresChangeFeed implements ChangeFeed {
  readonly #target: ReturnType<typeof readPostgresUrl>
  readonly #scheduler: Scheduler
  readonly #logger: Logger
  #client: pg.Client | undefined
  #timer: Cancellable | undefined
  #closed = false

  constructor(url: string, { scheduler, logger }: { readonly scheduler: Scheduler; readonly logger: Logger }) {
    this.#target = readPostgresUrl(url)
    this.#scheduler = scheduler
    this.#logger = logger
  }

  start(onChange: () => void): void {
    void this.#connect(onChange)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #connect(onChange: () => void): Promise<void> {
    const client = new pg.Client({ ...this.#target.connection, ...postgresLimits })
    this.#client = client
    const broken = (error?: unknown) => {
      if (this.#closed || this.#client !== client) return
      this.#client = undefined
      client.end().catch(() => {})
      if (error !== undefined) {
        const { message } = asEngineError(error)
        this.#logger.debug('changes of the store are not told', { place: this.#target.place, reason: message })
      }
      this.#timer = this.#scheduler.after(reconnectMs, () => void this.#connect(onChange))
    }
    client.on('error', broken)
    client.on('end', () => broken())
    client.on('notification', () => onChange())
    try {
      await client.connect()
      await client.query(`LISTEN ${client.escapeIdentifier(channelOf(this.#target))}`)
      // What happened while nobody listened.
      onChange()
    } catch (error) {
      broken(error)
    }
  }
}
