import { EngineError } from '@millrace/engine/spi'
import type { JobExit } from '../jobs/job-launcher.ts'

/** No restart can mend it: somebody must change the application, or look at what is stored. */
export function isPermanent({ cause }: JobExit): boolean {
  const occupied = cause?.code === 'APPLICATION_RUNNING'
  return cause !== undefined && !occupied && ['invalid', 'corrupt', 'bug'].includes(cause.kind)
}

/** For a log line. */
export function stackOf(error: unknown): { readonly stack?: string } {
  return error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}
}

/** `JOB_TOO_SLOW` (unavailable). */
export function tookTooLong(what: string, limitMs: number): EngineError {
  return new EngineError('JOB_TOO_SLOW', {
    kind: 'unavailable',
    message: `The job did not ${what} within ${limitMs / 1000} s.`,
    hint: 'Its log tells how far it came: millrace logs <application>.',
  })
}

/** `NOT_RUNNING`: there is no job to ask. */
export function notRunning(): EngineError {
  return new EngineError('NOT_RUNNING', {
    kind: 'invalid',
    message: 'The application has no running job.',
    hint: 'Try again when it runs.',
  })
}
