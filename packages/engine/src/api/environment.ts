import { holdProcess, systemClock, systemScheduler } from '../common/clock.ts'
import { EngineError } from '../common/errors.ts'
import { systemRandom } from '../common/random.ts'
import type { CheckpointSettings } from '../coordination/checkpoint-coordinator.ts'
import { inProcessThread } from '../coordination/in-process-threads.ts'
import { JobCoordinator, type JobEvents, type JobResult } from '../coordination/job-coordinator.ts'
import { exponentialDelay, type RestartStrategySettings } from '../coordination/restart-strategy.ts'
import { compile } from '../plan/compile.ts'
import { StreamGraph } from '../plan/stream-graph.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { collectionSource } from '../runtime/source/collection-source.ts'
import { SourceOperator } from '../runtime/source/source-operator.ts'
import { createFileSystems, type FileSystems } from '../runtime/storage/file-systems.ts'
import { localFileSystem } from '../runtime/storage/local-file-system.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { WatermarkStrategy } from '../runtime/time/watermark-strategy.ts'
import type { Source } from '../spi/source.ts'
import { DEFAULT_MAX_PARALLELISM } from '../types/key-group.ts'
import { type DataStream, SourceStream } from './data-stream.ts'

export interface EnvironmentSettings {
  /** Of every operator that doesn't say otherwise; 1 unless set. */
  readonly parallelism?: number
}

/** Checkpoint options besides the interval, with their defaults. */
export type CheckpointOptions = Partial<Omit<CheckpointSettings, 'intervalMs'>>

/** How a program runs itself in this process. */
export interface ExecuteOptions {
  readonly name?: string
  /** Folder of the checkpoints. Without it checkpoints commit sinks but store nothing. */
  readonly checkpointFolder?: string
  readonly restoreFrom?: string
  readonly allowNonRestoredState?: boolean
  readonly fileSystems?: FileSystems
  readonly events?: JobEvents
}

const AUTO_WATERMARK_INTERVAL_MS = 200

/** Where a program is declared: sources, settings, and how to run it. */
export class StreamExecutionEnvironment {
  readonly graph = new StreamGraph()
  #parallelism: number
  #maxParallelism = DEFAULT_MAX_PARALLELISM
  #checkpoints: CheckpointSettings | undefined
  #restartStrategy: RestartStrategySettings | undefined
  #autoWatermarkIntervalMs = AUTO_WATERMARK_INTERVAL_MS

  private constructor(settings: EnvironmentSettings) {
    this.#parallelism = settings.parallelism ?? 1
  }

  static create(settings: EnvironmentSettings = {}): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment(settings)
  }

  get parallelism(): number {
    return this.#parallelism
  }

  setParallelism(parallelism: number): this {
    this.#parallelism = parallelism
    return this
  }

  get maxParallelism(): number {
    return this.#maxParallelism
  }

  /** The number of key groups, 1 to 32768; it can't change once there is state. */
  setMaxParallelism(maxParallelism: number): this {
    if (!Number.isInteger(maxParallelism) || maxParallelism < 1 || maxParallelism > 32_768) {
      throw new EngineError('MAX_PARALLELISM_INVALID', {
        kind: 'invalid',
        message: `maxParallelism is ${maxParallelism}; it must be a whole number from 1 to 32768.`,
      })
    }
    this.#maxParallelism = maxParallelism
    return this
  }

  /** Takes a checkpoint every `intervalMs`; failures then restart the job from the last one. */
  enableCheckpointing(intervalMs: number, options: CheckpointOptions = {}): this {
    if (!Number.isFinite(intervalMs) || intervalMs < 10) {
      throw new EngineError('CHECKPOINT_INTERVAL_INVALID', {
        kind: 'invalid',
        message: `The checkpoint interval is ${intervalMs} ms; it must be 10 or more.`,
      })
    }
    const defaults = {
      mode: 'exactly-once',
      timeoutMs: 600_000,
      minPauseMs: 0,
      tolerableFailures: 0,
      retained: 1,
    } as const
    this.#checkpoints = { ...defaults, ...options, intervalMs }
    return this
  }

  get checkpoints(): CheckpointSettings | undefined {
    return this.#checkpoints
  }

  setRestartStrategy(strategy: RestartStrategySettings): this {
    this.#restartStrategy = strategy
    return this
  }

  /** Unless set: exponential delay with checkpoints, none without. */
  get restartStrategy(): RestartStrategySettings {
    return this.#restartStrategy ?? (this.#checkpoints === undefined ? { kind: 'none' } : exponentialDelay)
  }

  /** How often sources look at event time; 0 switches periodic watermarks off. */
  setAutoWatermarkInterval(intervalMs: number): this {
    this.#autoWatermarkIntervalMs = intervalMs
    return this
  }

  get autoWatermarkIntervalMs(): number {
    return this.#autoWatermarkIntervalMs
  }

  fromSource<T>(source: Source<T>, strategy: WatermarkStrategy<NoInfer<T>>, name: string): SourceStream<T> {
    const node = this.graph.add({
      kind: 'source',
      name: `Source: ${name}`,
      stateful: true,
      inputs: [],
      factory: {
        kind: 'source',
        source,
        create: (context, gateway) => new SourceOperator<T>(source, strategy, gateway, context),
      },
    })
    return new SourceStream<T>(this, node)
  }

  /** The given elements, in order, read by one subtask. */
  fromCollection<T>(
    elements: Iterable<T>,
    strategy: WatermarkStrategy<NoInfer<T>> = WatermarkStrategy.noWatermarks<T>(),
  ): SourceStream<T> {
    return this.fromSource(collectionSource([...elements]), strategy, 'collection').setParallelism(1)
  }

  /** What was declared, as the runtime executes it. */
  compile(name: string): JobGraph {
    return compile(this.graph, { name, parallelism: this.#parallelism, maxParallelism: this.#maxParallelism })
  }

  /** Runs what was declared in this process, on the calling thread, to its end. */
  async execute(options: ExecuteOptions = {}): Promise<JobResult> {
    const hold = holdProcess()
    try {
      const job = this.start(options)
      return await job.result
    } finally {
      hold.cancel()
    }
  }

  /** The same, without waiting: the running job. */
  start(options: ExecuteOptions = {}): JobCoordinator {
    const graph = this.compile(options.name ?? 'application')
    const world = { clock: systemClock, scheduler: systemScheduler, random: systemRandom }
    const fileSystems = options.fileSystems ?? createFileSystems({ file: localFileSystem(world) })
    const launcher = inProcessThread({
      graph,
      ...world,
      fileSystems,
      checkpointMode: this.#checkpoints?.mode ?? 'exactly-once',
      autoWatermarkIntervalMs: this.#autoWatermarkIntervalMs,
    })
    const job = new JobCoordinator(
      { graph, launcher, fileSystems, ...world },
      {
        checkpoints: this.#checkpoints,
        checkpointFolder: options.checkpointFolder,
        restartStrategy: this.restartStrategy,
        restoreFrom: options.restoreFrom,
        allowNonRestoredState: options.allowNonRestoredState ?? false,
        epoch: undefined,
        logLevel: 'info',
      },
      options.events,
    )
    job.start()
    return job
  }

  async executeAndCollect<T>(stream: DataStream<T>): Promise<T[]> {
    const collected = new Collected<T>()
    stream.sinkTo(collectSink(collected))
    await this.execute()
    return collected.values
  }
}
