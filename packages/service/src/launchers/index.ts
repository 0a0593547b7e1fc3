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
export { encodeLine, JsonLineDecoder } from './json-lines.ts'
