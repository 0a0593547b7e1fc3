import type { EngineError } from '@millrace/engine'

/** How the command's processes end; documented in docs/reference/application-process.md. */
export const EXIT = {
  /** Finished, stopped with a savepoint, or cancelled by a command. */
  ok: 0,
  /** The application failed and no restart followed, or a command couldn't do what it was asked. */
  failed: 1,
  /** The command line, the properties or the application module are wrong: nothing was started. */
  usage: 2,
  /** A newer attempt owns the application's checkpoints. */
  fenced: 3,
  /** Whoever controlled the application, or read its output, is gone: it stopped at once, without a savepoint. */
  parentGone: 4,
  /** Cancelled by Ctrl-C. */
  interrupted: 130,
  /** Cancelled by SIGTERM. */
  terminated: 143,
} as const

/** The exit code for a failure. */
export function exitCodeOf(error: EngineError): number {
  return error.kind === 'fenced' ? EXIT.fenced : EXIT.failed
}
