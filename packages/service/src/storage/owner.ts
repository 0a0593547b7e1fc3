import type { ApplicationStatus } from '../applications/application-record.ts'

/** Who may act for an application: the node that owns it, in the ownership of this epoch. */
export interface Owner {
  readonly node: string
  readonly epoch: number
}

/** What an application must still be like for a change to happen. */
export interface ExpectedState {
  readonly status: ApplicationStatus
  readonly versionId: number
  /** Given by the one who carries operations out: fences it from the moment that another owns the application. */
  readonly owner?: Owner | undefined
}
