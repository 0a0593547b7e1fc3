/** Starts applications as processes of their own and controls them. */
export {
  type ApplicationExit,
  type ApplicationListener,
  ApplicationProcess,
  type LaunchSettings,
  launchApplication,
  type Savepoint,
} from './application-process.ts'
export * from './application-protocol.ts'
export { type DirectoryLock, lockDirectory } from './directory-lock.ts'
export { describeIsolation, detectIsolation, type Isolation } from './isolation/detect-isolation.ts'
export type { IsolationMeans, IsolationSettings } from './isolation/isolation-settings.ts'
export { isJobUserId, jobUserId } from './isolation/job-user.ts'
export { encodeLine, JsonLineDecoder } from './json-lines.ts'
