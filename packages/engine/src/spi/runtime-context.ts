import type { Clock, Scheduler } from '../common/clock.ts'
import type { Logger } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import type { FileSystem } from './file-system.ts'
import type { MetricGroup } from './metrics.ts'

/** What the engine hands to everything that lives inside a subtask: time, chance, logs and metrics, and who it is. */
export interface SubtaskContext {
  readonly applicationName: string
  /** The operator's uid (or generated id) and its display name. */
  readonly operatorId: string
  readonly operatorName: string
  /** 0 ≤ subtaskIndex < parallelism. */
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly maxParallelism: number
  /** Number of the attempt, from 1; grows with every restart. */
  readonly attempt: number
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  readonly metrics: MetricGroup
  /** The file system that a path names by its scheme (`s3://…`; none: local). Throws `FILE_SYSTEM_UNKNOWN`. */
  fileSystem(path: string): FileSystem
}
