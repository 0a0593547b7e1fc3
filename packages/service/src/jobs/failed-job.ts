import type { EngineError } from '@millrace/engine/spi'
import type { Job } from './job-launcher.ts'

/** A job whose process could not be started at all. */
export function failedJob(cause: EngineError): Job {
  const running = Promise.reject(cause)
  running.catch(() => {})
  return {
    running,
    exited: Promise.resolve({ outcome: 'FAILED', cause }),
    stop: () => Promise.reject(cause),
    savepoint: () => Promise.reject(cause),
    suspend: () => Promise.reject(cause),
    cancel() {},
    setLogLevel() {},
    kill() {},
  }
}
