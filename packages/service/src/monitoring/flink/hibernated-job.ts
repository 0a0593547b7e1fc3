import { EngineError } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../../applications/application-record.ts'
import type { JobInspection } from '../../jobs/job-inspection.ts'

/** The job of an application that hibernates since before the service was started: there is one, and no more is known. */
export function hibernatedJob({ epoch, hibernatedSinceMs: atMs }: ApplicationRecord): JobInspection | undefined {
  if (atMs === undefined) return undefined
  const unknown = async (): Promise<undefined> => undefined
  const refuse = async (): Promise<never> => {
    throw new EngineError('NOT_RUNNING', { kind: 'invalid', message: 'The application hibernates.' })
  }
  return {
    epoch,
    startedMs: atMs,
    ended: { outcome: 'STOPPED', cause: undefined, atMs },
    plan: unknown,
    details: unknown,
    checkpoints: unknown,
    checkpoint: unknown,
    metrics: unknown,
    memoryBytes: unknown,
    takeCheckpoint: refuse,
    takeSavepoint: refuse,
  }
}
