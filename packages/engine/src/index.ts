/** The stream engine: declare an application, run it here or hand it to `millrace run`. */

export * from './api/application.ts'
export { getApplicationProperties } from './api/application-properties.ts'
export { DataStream, KeyedStream, SingleOutputStream, SourceStream, StreamSink } from './api/data-stream.ts'
export {
  type CheckpointOptions,
  type EnvironmentSettings,
  type ExecuteOptions,
  StreamExecutionEnvironment,
} from './api/environment.ts'
export type { Key, KeyPart } from './api/types.ts'
export * from './api/windowed-stream.ts'
export { EngineError, type ErrorKind } from './common/errors.ts'
export type { Logger, LogLevel, LogLine } from './common/logger.ts'
export type { CheckpointSettings, CompletedCheckpoint } from './coordination/checkpoint-coordinator.ts'
export { JobCoordinator, type JobEvents, type JobResult, type JobState } from './coordination/job-coordinator.ts'
export { exponentialDelay, type RestartStrategySettings } from './coordination/restart-strategy.ts'
export type { Collector } from './runtime/operators/flat-map.ts'
export * from './runtime/operators/functions.ts'
export { type WatermarkGenerator, WatermarkStrategy } from './runtime/time/watermark-strategy.ts'
export type { TimeWindow, TumblingWindows } from './runtime/window/window.ts'
export type { Sink } from './spi/sink.ts'
export type { DeadLetter, MalformedPolicy, Source } from './spi/source.ts'
export * from './spi/state.ts'
