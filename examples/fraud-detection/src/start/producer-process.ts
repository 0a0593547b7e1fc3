import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type LineChild, spawnLines } from './child-lines.ts'

export interface ProducerFigures {
  readonly sent: number
  readonly acknowledged: number
  readonly throttled: number
  readonly alerts: number
  readonly planted: number
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null; readonly p999: number | null }
  readonly positions?: Readonly<Record<string, string>>
}

type ProducerMessage =
  | { readonly type: 'ready' }
  | ({ readonly type: 'progress' } & ProducerFigures)
  | { readonly type: 'first-alert' }
  | {
      readonly type: 'acknowledged'
      readonly acknowledged: number
      readonly positions: Readonly<Record<string, string>>
    }
  | ({ readonly type: 'summary' } & ProducerFigures)
  | { readonly type: 'failed'; readonly error: string }

/** The separate process that puts transactions and hears the alerts. */
export class ProducerProcess {
  readonly ready: Promise<void>
  /** The highest sequence number by shard, once all is acknowledged. */
  readonly acknowledged: Promise<Readonly<Record<string, string>>>
  readonly summary: Promise<ProducerFigures>
  readonly #child: LineChild

  constructor(settings: {
    readonly file: string
    readonly args: readonly string[]
    readonly env: NodeJS.ProcessEnv
    readonly onProgress: (figures: ProducerFigures) => void
    readonly onFirstAlert: () => void
  }) {
    const waiting = {
      ready: deferred<void>(),
      acknowledged: deferred<Readonly<Record<string, string>>>(),
      summary: deferred<ProducerFigures>(),
    }
    const fail = (error: Error): void => {
      for (const each of Object.values(waiting)) each.reject(error)
    }
    this.#child = spawnLines(['--import', 'tsx', settings.file, ...settings.args, '--control'], {
      env: settings.env,
      onLine: (line) => {
        const message = JSON.parse(line) as ProducerMessage
        if (message.type === 'ready') waiting.ready.resolve()
        else if (message.type === 'progress') settings.onProgress(message)
        else if (message.type === 'first-alert') settings.onFirstAlert()
        else if (message.type === 'acknowledged') waiting.acknowledged.resolve(message.positions)
        else if (message.type === 'summary') waiting.summary.resolve(message)
        else fail(new Error(`the producer gave up: ${message.error}`))
      },
    })
    this.ready = waiting.ready.promise
    this.acknowledged = waiting.acknowledged.promise
    this.summary = waiting.summary.promise
    void this.#child.exited.then(({ code, signal }) =>
      fail(new Error(`the producer ended (${signal ?? `exit code ${code}`}): ${this.#child.stderr().trim()}`)),
    )
  }

  start(): void {
    this.#child.send({ command: 'start' })
  }

  stop(): void {
    this.#child.send({ command: 'stop' })
  }

  async finish(alerts: number, timeoutMs: number): Promise<ProducerFigures> {
    this.#child.send({ command: 'finish', alerts, timeoutMs })
    const summary = await this.summary
    await this.#child.exited
    return summary
  }

  /** Ends it at once, if it hasn't ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  // Whoever isn't waiting for it hears of a failure by one that is.
  promise.catch(() => {})
  return { promise, resolve, reject }
}

const JOURNAL_TAIL_BYTES = 256 * 1024

/** The index behind the last acknowledged transaction of earlier runs; 0 when there was none. */
export function nextIndex(dir: string): number {
  const file = join(dir, 'acknowledged.txt')
  if (!existsSync(file)) return 0
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const bytes = Buffer.alloc(Math.min(size, JOURNAL_TAIL_BYTES))
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length)
    const indexes = bytes
      .toString('utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter((parts) => parts.length === 3)
      .map((parts) => Number(parts[2]))
    return indexes.length === 0 ? 0 : Math.max(...indexes) + 1
  } finally {
    closeSync(descriptor)
  }
}
