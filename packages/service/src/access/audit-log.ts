import { join } from 'node:path'
import type { Cancellable, Clock, Logger, Scheduler } from '@millrace/engine/spi'
import { LogFile, type LogFileSettings } from '../jobs/log-file.ts'
import type { Principal } from './principal.ts'

/** One call, as it ended. Neither secrets nor what was sent or answered are in it. */
export interface AuditEntry {
  readonly requestId: string
  /** Undefined when it isn't known who called. */
  readonly principal: Principal | undefined
  /** The key that such a call claimed to have. */
  readonly claimedAccessKeyId?: string | undefined
  readonly action: string
  readonly resource: string | undefined
  readonly sourceIp: string
  readonly userAgent: string
  readonly status: number
  readonly errorCode: string | undefined
}

const settings: LogFileSettings = { maxBytes: 64 << 20, kept: 7 }
const writeAfterMs = 100
const writeAtCharacters = 256 << 10

/**
 * Every call as a line of JSON in `audit/audit.log`, rotated at 64 MiB, the latest 8 files kept. Lines are written together,
 * at most 100 ms late: what a killed process has not written is lost.
 */
export class AuditLog {
  readonly path: string
  readonly #file: LogFile
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  #lines: string[] = []
  #characters = 0
  #timer: Cancellable | undefined

  constructor(dataDirectory: string, parts: { clock: Clock; scheduler: Scheduler; logger: Logger }) {
    this.path = join(dataDirectory, 'audit', 'audit.log')
    this.#file = new LogFile(this.path, settings, parts.logger)
    this.#clock = parts.clock
    this.#scheduler = parts.scheduler
  }

  write({ principal, ...entry }: AuditEntry): void {
    const { requestId, action, resource, sourceIp, userAgent, status, errorCode } = entry
    const line = JSON.stringify({
      time: new Date(this.#clock.now()).toISOString(),
      requestId,
      principal: principal?.arn ?? 'unknown',
      principalKind: principal?.kind ?? 'unknown',
      accessKeyId: (principal?.accessKeyId ?? entry.claimedAccessKeyId) || undefined,
      action: action.slice(0, 128),
      resource: resource?.slice(0, 512),
      sourceIp,
      userAgent: userAgent.slice(0, 256),
      status,
      errorCode,
    })
    this.#lines.push(line)
    this.#characters += line.length
    if (this.#characters >= writeAtCharacters) this.flush()
    else this.#timer ??= this.#scheduler.after(writeAfterMs, () => this.flush())
  }

  /** Writes what is waiting. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#lines.length === 0) return
    const text = this.#lines.join('\n')
    this.#lines = []
    this.#characters = 0
    this.#file.write(text)
  }

  close(): void {
    this.flush()
    this.#file.close()
  }
}
