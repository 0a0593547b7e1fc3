import type { LogLevel } from '@millrace/engine'

/** What `millrace run` was asked for. */
export interface RunOptions {
  /** `app.ts`, `app.mjs` or `bundle.zip`. */
  readonly application: string
  /** The application's own arguments. */
  readonly args: readonly string[]
  /** In place of the application's own. */
  readonly name: string | undefined
  /** The application's directory; one below the home by its name unless given. */
  readonly dir: string | undefined
  readonly parallelism: number
  /** 0: in process. By parallelism and cores unless given. */
  readonly threads: number | undefined
  /** Heap of each worker thread, MiB; Node's default unless given. */
  readonly threadHeapMb: number | undefined
  readonly checkpoints: string | undefined
  /** Milliseconds, in place of the application's own; 0: only savepoints. */
  readonly checkpointInterval: number | undefined
  /** Milliseconds between a checkpoint's end and the next one's beginning, in place of the application's own. */
  readonly checkpointMinPause: number | undefined
  readonly from: string | undefined
  /** With `from` latest: the first attempt whose checkpoints count. */
  readonly latestSince: number | undefined
  /** With `from` latest: what is restored when no checkpoint counts. */
  readonly otherwiseFrom: string | undefined
  readonly allowNonRestoredState: boolean
  readonly properties: string | undefined
  readonly epoch: number | undefined
  /** File descriptor of the control connection. */
  readonly control: number | undefined
  readonly logLevel: LogLevel
}

/** The command line that starts the same application again from a savepoint. */
export function commandToGoOn(options: RunOptions, savepoint: string): string {
  const { application, args, name, dir, parallelism, threads, threadHeapMb, checkpoints, properties } = options
  const { checkpointInterval, checkpointMinPause } = options
  const named: [string, string | number | undefined][] = [
    ['--name', name],
    ['--dir', dir],
    ['--parallelism', parallelism === 1 ? undefined : parallelism],
    ['--threads', threads],
    ['--thread-heap-mb', threadHeapMb],
    ['--checkpoints', checkpoints],
    ['--checkpoint-interval', checkpointInterval],
    ['--checkpoint-min-pause', checkpointMinPause],
    ['--properties', properties],
    ['--from', savepoint],
  ]
  const words = [
    application,
    ...named.flatMap(([option, value]) => (value === undefined ? [] : [option, String(value)])),
    ...(args.length === 0 ? [] : ['--', ...args]),
  ]
  return `millrace run ${words.map(quoted).join(' ')}`
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
