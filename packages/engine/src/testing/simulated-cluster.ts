import { StreamExecutionEnvironment } from '../api/environment.ts'
import type { LogLine } from '../common/logger.ts'
import { type Random, seededRandom } from '../common/random.ts'
import type { CheckpointSettings, CompletedCheckpoint } from '../coordination/checkpoint-coordinator.ts'
import { JobCoordinator, type JobEvents, type JobResult } from '../coordination/job-coordinator.ts'
import type { RestartStrategySettings } from '../coordination/restart-strategy.ts'
import { createFileSystems, type FileSystems } from '../runtime/storage/file-systems.ts'
import { memoryFileSystem } from '../runtime/storage/memory-file-system.ts'
import { MemoryStorage } from '../runtime/storage/memory-storage.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import type { FileSystem } from '../spi/file-system.ts'
import { simulatedFileSystem } from './simulated-file-system.ts'
import { SimulatedThreads, type ThreadHooks } from './simulated-threads.ts'
import { type EventLoop, SimulatedTime } from './simulated-time.ts'
import { SimulationTrace } from './simulation-trace.ts'

/** How slow the simulated storage is at an instant, ms a call. */
export type StorageLatency = (nowMs: number, random: Random) => number

export interface SimulatedProcessSettings {
  readonly name: string
  /** Undefined: one above the highest seen. */
  readonly epoch: number | undefined
  readonly threads: number
  readonly parallelism: number
  /** Declares the job; called once for the coordinator and once for each thread. */
  declare(env: StreamExecutionEnvironment): void
  readonly checkpoints: CheckpointSettings
  readonly checkpointFolder: string
  readonly restoreFrom: string | undefined
  readonly allowNonRestoredState?: boolean
  readonly restartStrategy: RestartStrategySettings
  readonly autoWatermarkIntervalMs: number
  readonly maxDelayMs: number
  readonly exchangeBytes: number
  readonly hooks?: ThreadHooks
  readonly events?: JobEvents
  /** Changes the graph after it was compiled, e.g. to plant a fault. */
  readonly changeGraph?: ((graph: JobGraph) => JobGraph) | undefined
  /** What the process sees of the storage. */
  readonly changeFileSystem?: ((fileSystem: FileSystem) => FileSystem) | undefined
}

/** Machines, storage and time of one simulation. Everything follows from the seed. */
export class SimulatedCluster {
  readonly time: SimulatedTime
  readonly storage: MemoryStorage
  readonly trace: SimulationTrace
  readonly storageLoop: EventLoop
  readonly #seed: number
  readonly #latency: StorageLatency
  #forks = 0

  /** `keptLines`: how much of its trace it remembers. */
  constructor(seed: number, latency: StorageLatency = (_nowMs, random) => random.next() * 3, keptLines?: number) {
    this.#seed = seed
    this.trace = new SimulationTrace(keptLines)
    this.#latency = latency
    this.time = new SimulatedTime(this.#forkSeed())
    this.storage = new MemoryStorage({ clock: this.time.clock })
    this.storageLoop = this.time.loop('storage')
  }

  /** A stream of chance of its own. */
  fork(): Random {
    return seededRandom(this.#forkSeed())
  }

  #forkSeed(): number {
    return Math.imul(this.#seed ^ 0x5bd1e995, 0x9e3779b1) + Math.imul(++this.#forks, 0x85ebca6b)
  }

  note(what: string): void {
    this.trace.note(`${this.time.nowMs.toFixed(3)} ${what}`)
  }

  /** The storage as a loop sees it. */
  fileSystem(loop: EventLoop, change: (inner: FileSystem) => FileSystem = (inner) => inner): FileSystem {
    const random = this.fork()
    const inner = memoryFileSystem({ storage: this.storage, clock: this.time.clock, random: this.fork() })
    return simulatedFileSystem({
      inner: change(inner),
      loop,
      storageLoop: this.storageLoop,
      random,
      latencyMs: () => this.#latency(this.time.nowMs, random),
      onCall: (operation, path) => this.note(`${loop.name} ${operation} ${path}`),
    })
  }

  start(settings: SimulatedProcessSettings): SimulatedProcess {
    return new SimulatedProcess(this, settings)
  }
}

/** An application process: its coordinator and its threads. */
export class SimulatedProcess {
  readonly name: string
  readonly job: JobCoordinator
  readonly loop: EventLoop
  readonly threads: SimulatedThreads
  readonly logs: LogLine[] = []
  readonly #cluster: SimulatedCluster

  constructor(cluster: SimulatedCluster, settings: SimulatedProcessSettings) {
    this.#cluster = cluster
    this.name = settings.name
    this.loop = cluster.time.loop(settings.name)
    const fileSystemsOf = (loop: EventLoop): FileSystems =>
      createFileSystems({ file: cluster.fileSystem(loop, settings.changeFileSystem) })
    const buildGraph = (): JobGraph => {
      const env = StreamExecutionEnvironment.create({ parallelism: settings.parallelism })
      settings.declare(env)
      const graph = env.compile('simulated')
      return settings.changeGraph?.(graph) ?? graph
    }
    const { threads, checkpoints, autoWatermarkIntervalMs, maxDelayMs, exchangeBytes, name } = settings
    this.threads = new SimulatedThreads({
      name,
      time: cluster.time,
      coordinator: this.loop,
      threads,
      checkpointMode: checkpoints.mode,
      autoWatermarkIntervalMs,
      maxDelayMs,
      exchangeBytes,
      buildGraph,
      fileSystemsOf,
      random: cluster.fork(),
      hooks: this.#tracing(settings.hooks),
    })
    this.job = new JobCoordinator(
      {
        graph: buildGraph(),
        launcher: this.threads,
        fileSystems: fileSystemsOf(this.loop),
        clock: this.loop,
        scheduler: this.loop,
        random: cluster.fork(),
      },
      { ...settings, allowNonRestoredState: settings.allowNonRestoredState ?? false, logLevel: 'info' },
      this.#observing(settings.events),
    )
    this.job.result.catch(() => {})
    this.loop.soon(() => this.job.start())
  }

  get result(): Promise<JobResult> {
    return this.job.result
  }

  #tracing(hooks: ThreadHooks | undefined): ThreadHooks {
    const { trace, time } = this.#cluster
    const at = (thread: number): string => `${time.nowMs.toFixed(3)} ${this.name}.${thread}`
    return {
      ...(hooks?.links && { links: hooks.links.bind(hooks) }),
      toThread: (message, id) => {
        const kept = hooks?.toThread?.(message, id) !== false
        trace.note(`${at(id.thread)} <- ${describe(message)}${kept ? '' : ' (lost)'}`)
        return kept
      },
      fromThread: (message, id, echo) => {
        trace.note(`${at(id.thread)} -> ${describe(message)}`)
        hooks?.fromThread?.(message, id, echo)
      },
    }
  }

  #observing(events: JobEvents = {}): JobEvents {
    const note = (what: string): void => this.#cluster.note(`${this.name} ${what}`)
    return {
      onState: (state, cause) => {
        note(`is ${state}${cause === undefined ? '' : `: ${cause.message}`}`)
        events.onState?.(state, cause)
      },
      onCheckpoint: (checkpoint: CompletedCheckpoint) => {
        note(`completed ${checkpoint.kind} ${checkpoint.id}`)
        events.onCheckpoint?.(checkpoint)
      },
      onException: (error) => {
        note(`failed: ${error.code} ${error.message}`)
        events.onException?.(error)
      },
      onLog: (line) => {
        note(`log ${line.message} ${JSON.stringify(line.fields)}`)
        this.logs.push(line)
        events.onLog?.(line)
      },
    }
  }

  /** The whole process at once, as by SIGKILL. */
  kill(): void {
    this.#cluster.note(`${this.name} killed`)
    this.loop.kill()
    this.threads.killAll()
  }

  /** Stops the coordinator, or all of the process, as a suspended machine does. */
  pause(what: 'coordinator' | 'all'): void {
    this.#cluster.note(`${this.name} paused: ${what}`)
    this.loop.pause()
    if (what === 'all') this.threads.pauseAll()
  }

  resume(): void {
    this.#cluster.note(`${this.name} goes on`)
    this.loop.resume()
    this.threads.resumeAll()
  }
}

function describe(message: { readonly kind: string }): string {
  const { checkpointId, barrier, subtask, snapshot, error } = message as {
    checkpointId?: number
    barrier?: { checkpointId: number; stop: string }
    subtask?: unknown
    snapshot?: { task: number; subtask: number; sizeBytes: number }
    error?: { code: string; message: string }
  }
  const facts = [
    message.kind,
    checkpointId ?? (barrier && `${barrier.checkpointId} ${barrier.stop}`),
    subtask === undefined ? undefined : JSON.stringify(subtask),
    snapshot && `${snapshot.task}/${snapshot.subtask} ${snapshot.sizeBytes}`,
    error && `${error.code} ${error.message}`,
  ]
  return facts.filter((fact) => fact !== undefined).join(' ')
}
