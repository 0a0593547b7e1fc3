/** For programs that run applications (the command, the service): everything behind `millrace run`. */
export {
  PROPERTIES_FILE_NAME,
  parseApplicationProperties,
  readApplicationProperties,
} from './api/application-properties.ts'
export { holdProcess, systemClock, systemScheduler } from './common/clock.ts'
export { systemRandom } from './common/random.ts'
export { loadCheckpoint, type StoredCheckpoint } from './coordination/checkpoint-storage.ts'
export { inProcessThread } from './coordination/in-process-threads.ts'
export {
  JobCoordinator,
  type JobEnvironment,
  type JobEvents,
  type JobResult,
  type JobSettings,
  type JobState,
} from './coordination/job-coordinator.ts'
export { splitsOf } from './coordination/restore.ts'
export type { ThreadLauncher } from './coordination/threads.ts'
export { runWorker, workerApplication } from './coordination/worker-entry.ts'
export { type WorkerSettings, workerThreads } from './coordination/worker-threads.ts'
export { createFileSystems, type FileSystems } from './runtime/storage/file-systems.ts'
export { localFileSystem } from './runtime/storage/local-file-system.ts'
export type { OperatorMetrics } from './runtime/task/messages.ts'
export type { JobGraph } from './runtime/task/task-description.ts'
