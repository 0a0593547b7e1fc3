import { type ApplicationStatus, applicationStatuses, type OperationName } from './application-record.ts'

/** What clients may ask of an application; its creation is none, for there is nothing yet. */
export const lifecycleCalls = [
  'StartApplication',
  'StopApplication',
  'ForceStopApplication',
  'UpdateApplication',
  'DeleteApplication',
] as const

export type LifecycleCall = (typeof lifecycleCalls)[number]

/** What the service itself finds: how an operation ended, or what became of the job. */
export const lifecycleEvents = [
  /** The operation in progress ended SUCCESSFUL; with a job that runs, and without one. */
  'succeededRunning',
  'succeededStopped',
  /** The operation in progress ended FAILED; its job, if it had one, is gone. */
  'failed',
  'deleted',
  /** A job that nobody stopped came to the end of its input. */
  'jobFinished',
  /** A job failed in a way that no restart can mend. */
  'jobGaveUp',
] as const

export type LifecycleEvent = (typeof lifecycleEvents)[number]

/** GONE: the application doesn't exist any more. */
export type NextStatus = ApplicationStatus | 'GONE' | 'refused'

type Row = Readonly<Record<LifecycleCall | LifecycleEvent, NextStatus>>

const refuseAll: Row = {
  StartApplication: 'refused',
  StopApplication: 'refused',
  ForceStopApplication: 'refused',
  UpdateApplication: 'refused',
  DeleteApplication: 'refused',
  succeededRunning: 'refused',
  succeededStopped: 'refused',
  failed: 'refused',
  deleted: 'refused',
  jobFinished: 'refused',
  jobGaveUp: 'refused',
}

const stopped: Row = {
  ...refuseAll,
  StartApplication: 'STARTING',
  UpdateApplication: 'UPDATING',
  DeleteApplication: 'DELETING',
}

/**
 * The life of an application: every status × every call and event, as `README.md` beside this file specifies it.
 * 'refused' for a call means `ResourceInUseException`; for an event it means that it can't happen there.
 * Source: KinesisAnalyticsV2; the sequences between a call and its end are those that Terraform's waiters accept.
 */
export const transitions: Readonly<Record<ApplicationStatus, Row>> = {
  READY: stopped,
  STARTING: {
    ...refuseAll,
    ForceStopApplication: 'FORCE_STOPPING',
    succeededRunning: 'RUNNING',
    failed: 'READY',
  },
  RUNNING: {
    ...refuseAll,
    StopApplication: 'STOPPING',
    ForceStopApplication: 'FORCE_STOPPING',
    UpdateApplication: 'UPDATING',
    DeleteApplication: 'DELETING',
    jobFinished: 'READY',
    jobGaveUp: 'READY',
  },
  STOPPING: {
    ...refuseAll,
    ForceStopApplication: 'FORCE_STOPPING',
    succeededStopped: 'READY',
    failed: 'READY',
  },
  FORCE_STOPPING: { ...refuseAll, succeededStopped: 'READY', failed: 'READY' },
  UPDATING: {
    ...refuseAll,
    ForceStopApplication: 'FORCE_STOPPING',
    succeededRunning: 'RUNNING',
    succeededStopped: 'READY',
    failed: 'READY',
  },
  DELETING: { ...refuseAll, deleted: 'GONE', failed: 'READY' },
  AUTOSCALING: {
    ...refuseAll,
    ForceStopApplication: 'FORCE_STOPPING',
    succeededRunning: 'RUNNING',
    failed: 'READY',
  },
  ROLLING_BACK: { ...refuseAll, succeededRunning: 'RUNNING', succeededStopped: 'ROLLED_BACK', failed: 'READY' },
  ROLLED_BACK: stopped,
  MAINTENANCE: { ...refuseAll, succeededRunning: 'RUNNING', failed: 'READY' },
}

/** The status a call or an event leads to. */
export function nextStatus(status: ApplicationStatus, trigger: LifecycleCall | LifecycleEvent): NextStatus {
  return transitions[status][trigger]
}

/** Statuses that an operation in progress explains and ends: nobody waits in them for ever. */
export const transientStatuses: readonly ApplicationStatus[] = applicationStatuses.filter((status) =>
  (['succeededRunning', 'succeededStopped', 'failed', 'deleted'] as const).some(
    (event) => transitions[status][event] !== 'refused',
  ),
)

/** The operation's name in ListApplicationOperations. */
export function operationName(call: LifecycleCall): OperationName {
  return call === 'ForceStopApplication' ? 'StopApplication' : call
}
