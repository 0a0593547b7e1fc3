import { type ApplicationStatus, applicationStatuses, type OperationName } from './application-record.ts'

/**
 * What may be asked of an application by clients and by the service's own policies; its creation is none, for there is
 * nothing yet.
 */
export const lifecycleCalls = [
  'StartApplication',
  'StopApplication',
  'ForceStopApplication',
  'UpdateApplication',
  'DeleteApplication',
  'RollbackApplication',
  'ScaleApplication',
  /** A snapshot of either kind, of a job that goes on. */
  'CreateSnapshot',
  /** A change that no job needs to be restarted for: log streams, VPCs, the maintenance window. */
  'Reconfigure',
  'Hibernate',
  'Wake',
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
  /** The update or rescaling in progress ended FAILED, and a rollback has begun. */
  'failedRollingBack',
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
  RollbackApplication: 'refused',
  ScaleApplication: 'refused',
  CreateSnapshot: 'refused',
  Reconfigure: 'refused',
  Hibernate: 'refused',
  Wake: 'refused',
  succeededRunning: 'refused',
  succeededStopped: 'refused',
  failed: 'refused',
  deleted: 'refused',
  failedRollingBack: 'refused',
  jobFinished: 'refused',
  jobGaveUp: 'refused',
}

const stopped = (status: 'READY' | 'ROLLED_BACK'): Row => ({
  ...refuseAll,
  StartApplication: 'STARTING',
  UpdateApplication: 'UPDATING',
  DeleteApplication: 'DELETING',
  Reconfigure: status,
})

/**
 * The life of an application: every status × every call and event, as `README.md` beside this file specifies it.
 * 'refused' for a call means `ResourceInUseException`; for an event it means that it can't happen there.
 * Source: KinesisAnalyticsV2; the sequences between a call and its end are those that Terraform's waiters accept.
 */
export const transitions: Readonly<Record<ApplicationStatus, Row>> = {
  READY: stopped('READY'),
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
    RollbackApplication: 'ROLLING_BACK',
    ScaleApplication: 'AUTOSCALING',
    CreateSnapshot: 'RUNNING',
    Reconfigure: 'RUNNING',
    Hibernate: 'RUNNING',
    Wake: 'RUNNING',
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
    RollbackApplication: 'ROLLING_BACK',
    succeededRunning: 'RUNNING',
    succeededStopped: 'READY',
    failed: 'READY',
    failedRollingBack: 'ROLLING_BACK',
  },
  DELETING: { ...refuseAll, deleted: 'GONE', failed: 'READY' },
  AUTOSCALING: {
    ...refuseAll,
    ForceStopApplication: 'FORCE_STOPPING',
    RollbackApplication: 'ROLLING_BACK',
    succeededRunning: 'RUNNING',
    succeededStopped: 'READY',
    failed: 'READY',
    failedRollingBack: 'ROLLING_BACK',
  },
  ROLLING_BACK: {
    ...refuseAll,
    succeededRunning: 'RUNNING',
    // Nothing ran before either.
    succeededStopped: 'ROLLED_BACK',
    jobFinished: 'READY',
    failed: 'READY',
  },
  ROLLED_BACK: stopped('ROLLED_BACK'),
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

/** Calls that are carried out as an operation of the application. */
export type OperationCall = Exclude<LifecycleCall, 'CreateSnapshot' | 'Reconfigure' | 'Hibernate' | 'Wake'>

/** The operation's name in ListApplicationOperations. */
export function operationName(call: OperationCall): OperationName {
  return call === 'ForceStopApplication' ? 'StopApplication' : call
}
