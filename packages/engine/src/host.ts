/** For programs that run applications (the command, the service): everything behind `millrace run`. */
export {
  PROPERTIES_FILE_NAME,
  parseApplicationProperties,
  readApplicationProperties,
} from './api/application-properties.ts'
export { holdProcess, systemClock, systemScheduler } from './common/clock.ts'
export { systemRandom } from './common/random.ts'
export { type ThreadFigures, watchThread } from './common/thread-figures.ts'
export { loadCheckpoint, type StoredCheckpoint } from './coordination/checkpoint-storage.ts'
export { inProcessThread } from './coordination/in-process-threads.ts'
export {
  JobCoordinator,
  type JobEnvironment,
  type JobEvents,
  type JobMetrics,
  type JobResult,
  type JobSettings,
  type JobState,
} from './coordination/job-coordinator.ts'
export type {
  CheckpointEntry,
  CheckpointReport,
  RestoredCheckpoint,
  SubtaskCheckpoint,
} from './coordination/monitor/checkpoint-history.ts'
export type { ExceptionEntry } from './coordination/monitor/exception-history.ts'
export type { JobDetails, JobTaskDetails } from './coordination/monitor/job-details.ts'
export { type NumberSummary, summarize } from './coordination/monitor/number-summary.ts'
export type { ExecutionState, SubtaskExecution } from './coordination/monitor/subtask-executions.ts'
export { splitsOf } from './coordination/restore.ts'
export type { ThreadLauncher } from './coordination/threads.ts'
export { runWorker, workerApplication } from './coordination/worker-entry.ts'
export { type WorkerSettings, workerThreads } from './coordination/worker-threads.ts'
export type { JobPlan, JobPlanInput, JobPlanNode } from './plan/job-plan.ts'
export { createFileSystems, type FileSystems } from './runtime/storage/file-systems.ts'
export { localFileSystem } from './runtime/storage/local-file-system.ts'
export type { CollectedMetrics, OperatorMetrics, SubtaskMetrics } from './runtime/task/messages.ts'
export type { JobGraph } from './runtime/task/task-description.ts'
