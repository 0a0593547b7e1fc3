import type { SessionOwner } from '../access/execution-credentials.ts'
import type { ApplicationRecord } from './application-record.ts'

/** Whom the session of an application's process of this epoch is for. */
export function sessionOwner({ name, createdMs }: ApplicationRecord, epoch: number): SessionOwner {
  return { applicationName: name, applicationCreatedMs: createdMs, epoch }
}

/** What that session is called: at most 64 characters, as AWS has it. */
export function sessionName({ name }: ApplicationRecord, epoch: number): string {
  return `${name.slice(0, 48)}-${epoch}`
}
