import { createHash } from 'node:crypto'

/** 32 hex digits, as Flink's job ids: of one process of an application, the same in every process of the service. */
export function jobIdOf(applicationName: string, epoch: number): string {
  return createHash('sha256').update(`${applicationName}\n${epoch}`).digest('hex').slice(0, 32)
}
