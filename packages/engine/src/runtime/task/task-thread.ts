import type { Cancellable, Clock, Scheduler } from '../../common/clock.ts'
import { assertNever, EngineError, serializeError } from '../../common/errors.ts'
import { createLogger, type Logger, type LogLevels, levelOf } from '../../common/logger.ts'
import type { Random } from '../../common/random.ts'
import type { ThreadFigures } from '../../common/thread-figures.ts'
import { createMetricGroup, type MetricGroup } from '../../spi/metrics.ts'
import { keyGroupRange } from '../../types/key-group.ts'
import type { ChannelReader, ChannelWriter } from '../exchange/channel.ts'
import { InputGate } from '../exchange/input-gate.ts'
import { createLocalChannel } from '../exchange/local-channel.ts'
import { PartitionedOutput } from '../exchange/partitioned-output.ts'
import type { Operator, OperatorContext, Output } from '../operators/operator.ts'
import type { SourceCoordinatorGateway } from '../source/source-operator.ts'
import { HeapKeyedStateBackend } from '../state/heap-keyed-state-backend.ts'
import type { FileSystems } from '../storage/file-systems.ts'
import { CheckpointTargets } from './checkpoint-targets.ts'
import type { Deployment, FromThread, SubtaskId, ToThread } from './messages.ts'
import { OperatorChain } from './operator-chain.ts'
import { createPartitioner } from './partitioner-description.ts'
import { RestoredOperators } from './restored-operators.ts'
import { Subtask } from './subtask.ts'
import { SweepQueue } from './sweep-queue.ts'
import {
  channelsOf,
  type JobGraph,
  type OperatorDescription,
  type TaskDescription,
  threadOf,
} from './task-description.ts'
import { TaskWork } from './task-work.ts'
import { ThreadMetrics } from './thread-metrics.ts'
import type { ThreadWaker } from './thread-waker.ts'

/** The ends of the channels that cross to and from other threads, and what moves their bytes. */
export interface ThreadLinks {
  writer(channelId: number): ChannelWriter | undefined
  reader(channelId: number): ChannelReader | undefined
  /** Moves what can be moved; true if anything was. */
  pump(): boolean
}

export interface ThreadSettings {
  readonly thread: number
  readonly threads: number
  readonly checkpointMode: 'exactly-once' | 'at-least-once'
  /** 0: no periodic watermarks. */
  readonly autoWatermarkIntervalMs: number
}

/** What a thread is given: the world outside, and the way to its coordinator. */
export interface ThreadEnvironment {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly fileSystems: FileSystems
  readonly waker: ThreadWaker
  readonly links: ThreadLinks
  /** Reads what the thread takes, when it has a heap of its own. */
  readonly figures?: () => ThreadFigures
  post(message: FromThread): void
}

/** How long the loop goes on without letting I/O in. */
const SLICE_MS = 1
const ROUNDS_PER_SLICE = 32
/** Without a record read at so many ticks in a row a thread ticks every five seconds: twenty idle applications shall cost nothing. */
const QUIET_TICKS = 50
const QUIET_TICK_MS = 5000

/**
 * Runs the subtasks of one thread, one after the other, in a loop that sleeps when none has anything to do.
 * The coordinator talks to it by messages; the same class runs in a worker thread, in the calling thread and in simulations.
 */
export class TaskThread {
  readonly #graph: JobGraph
  readonly #settings: ThreadSettings
  readonly #env: ThreadEnvironment
  readonly #subtasks: Subtask[] = []
  readonly #metrics: ThreadMetrics
  readonly #work: TaskWork
  readonly #sweeps = new SweepQueue()
  readonly #checkpointTargets = new CheckpointTargets()
  readonly #logger: Logger
  #logLevels: LogLevels = { level: 'info', loggers: {} }
  #state: 'new' | 'deployed' | 'running' | 'failed' | 'closed' = 'new'
  #loop: Promise<void> = Promise.resolve()
  #opening: Subtask | undefined
  #closing: Promise<void> | undefined
  /** When the last piece of work ended; monotonic. */
  #nowMs = 0
  #tickTimer: Cancellable | undefined
  #ticksWithoutRecords = 0
  /** By its sources, up to the last look. */
  #recordsRead = 0
  #processingTimer: { cancel: Cancellable; dueMs: number } | undefined

  constructor(graph: JobGraph, settings: ThreadSettings, env: ThreadEnvironment) {
    this.#graph = graph
    this.#settings = settings
    this.#env = env
    this.#work = new TaskWork(graph)
    this.#metrics = new ThreadMetrics(env.clock, settings.thread, env.figures)
    this.#logger = createLogger(
      (line) => env.post({ kind: 'log', line }),
      (fields) => levelOf(this.#logLevels, fields),
    )
  }

  /** Handles one message. Failures are reported to the coordinator, never thrown. */
  handle(message: ToThread): void {
    try {
      this.#dispatch(message)
    } catch (error) {
      this.#fail(undefined, error)
    }
  }

  #dispatch(message: ToThread): void {
    if (this.#state === 'closed' || (this.#state === 'failed' && message.kind !== 'close')) return
    switch (message.kind) {
      case 'deploy':
        this.#deploy(message.deployment).catch((error) => this.#fail(undefined, error))
        return
      case 'run':
        this.#run()
        return
      case 'add-splits':
        this.#sourceSubtask(message).source?.addSplits(message.splits)
        return
      case 'no-more-splits':
        this.#sourceSubtask(message).source?.notifyNoMoreSplits()
        return
      case 'source-event':
        this.#sourceSubtask(message).source?.handleEvent(message.event)
        return
      case 'trigger-checkpoint':
        this.#checkpointTargets.announce(message.barrier.checkpointId, message.target)
        for (const subtask of this.#subtasks) {
          this.#guard(subtask, () => subtask.triggerCheckpoint(message.barrier))
        }
        this.#env.waker.wake()
        return
      case 'checkpoint-complete':
        this.#checkpointTargets.forgetUpTo(message.checkpointId)
        this.#notifyComplete(message.checkpointId)
        return
      case 'checkpoint-aborted':
        this.#checkpointTargets.forgetUpTo(message.checkpointId)
        for (const subtask of this.#subtasks) subtask.abortCheckpoint(message.checkpointId)
        this.#env.waker.wake()
        return
      case 'collect-metrics':
        this.#env.post({ kind: 'metrics', requestId: message.requestId, metrics: this.#metrics.collect() })
        return
      case 'set-log-levels':
        this.#logLevels = message.levels
        return
      case 'close':
        this.close().then(
          () => this.#env.post({ kind: 'closed' }),
          (error) => {
            this.#logger.warn('closing failed', { error: String(error) })
            this.#env.post({ kind: 'closed' })
          },
        )
        return
      default:
        assertNever(message)
    }
  }

  async #deploy(deployment: Deployment): Promise<void> {
    if (deployment.graphHash !== this.#graph.hash) {
      throw new EngineError('GRAPH_DIFFERS', {
        kind: 'invalid',
        message: `Thread ${this.#settings.thread} built another graph than the coordinator.`,
        hint: 'build() must declare the same graph every time: no random names, no dependence on time or environment.',
      })
    }
    const restored = new RestoredOperators(deployment.restore, this.#env.fileSystems)
    const channels = this.#wireChannels()
    for (const task of this.#graph.tasks) {
      for (let subtask = 0; subtask < task.parallelism; subtask++) {
        if (threadOf(subtask, this.#settings.threads) !== this.#settings.thread) continue
        const made = await this.#makeSubtask(task, subtask, channels, restored, deployment.attempt)
        if (this.#isClosed()) return made.chain.close()
        this.#subtasks.push(made)
      }
    }
    for (const subtask of this.#subtasks) {
      await this.#open(subtask)
      if (this.#isClosed()) return
    }
    this.#state = 'deployed'
    this.#env.post({ kind: 'deployed' })
  }

  async #open(subtask: Subtask): Promise<void> {
    this.#opening = subtask
    try {
      await subtask.open()
    } catch (error) {
      throw subtask.describe(error)
    } finally {
      this.#opening = undefined
      // Closed meanwhile: all others are, this one was still at it.
      if (this.#isClosed()) await subtask.chain.close()
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** This thread's ends of all channels: links to other threads, queues inside this one. */
  #wireChannels(): Channels {
    const writers = new Map<string, ChannelWriter[]>()
    const readers = new Map<number, Map<number, ChannelReader[]>>()
    const wake = (): void => this.#env.waker.wake()
    for (const { id, edge, sourceSubtask, targetSubtask } of channelsOf(this.#graph)) {
      const isSource = threadOf(sourceSubtask, this.#settings.threads) === this.#settings.thread
      const isTarget = threadOf(targetSubtask, this.#settings.threads) === this.#settings.thread
      const local = isSource && isTarget ? createLocalChannel({ onData: wake, onCredit: wake }) : undefined
      if (isSource) {
        const key = `${edge}/${sourceSubtask}`
        const channelWriters = writers.get(key) ?? []
        writers.set(key, channelWriters)
        channelWriters.push((local?.writer ?? this.#env.links.writer(id)) as ChannelWriter)
      }
      if (isTarget) {
        const task = this.#graph.edges[edge]?.targetTask as number
        const bySubtask = readers.get(task) ?? new Map<number, ChannelReader[]>()
        readers.set(task, bySubtask)
        const channelReaders = bySubtask.get(targetSubtask) ?? []
        bySubtask.set(targetSubtask, channelReaders)
        channelReaders.push((local?.reader ?? this.#env.links.reader(id)) as ChannelReader)
      }
    }
    return {
      writers: (edge, subtask) => writers.get(`${edge}/${subtask}`) ?? [],
      readers: (task, subtask) => readers.get(task)?.get(subtask) ?? [],
    }
  }

  async #makeSubtask(
    task: TaskDescription,
    subtaskIndex: number,
    channels: Channels,
    restored: RestoredOperators,
    attempt: number,
  ): Promise<Subtask> {
    const id: SubtaskId = { task: task.index, subtask: subtaskIndex }
    const outputs = new Map<number, PartitionedOutput>()
    for (const edge of this.#graph.edges) {
      if (edge.sourceTask !== task.index) continue
      const target = this.#graph.tasks[edge.targetTask] as TaskDescription
      const partitioner = createPartitioner(edge.partitioner, {
        parallelism: target.parallelism,
        maxParallelism: this.#graph.maxParallelism,
        random: this.#env.random,
      })
      const writers = channels.writers(edge.index, subtaskIndex)
      outputs.set(edge.index, new PartitionedOutput({ channels: writers, partitioner }))
    }
    const states = new Map<string, OperatorContext['restored']>()
    for (const { id: operatorId } of task.operators) {
      states.set(operatorId, await restored.restore(operatorId, subtaskIndex, task.parallelism))
    }
    const groups = new Map<string, MetricGroup>()
    const chain = new OperatorChain(
      task,
      outputs,
      (operator, out) => {
        const group = createMetricGroup()
        groups.set(operator.id, group)
        return this.#makeContext(task, id, operator, out, states.get(operator.id), group, attempt)
      },
      (operator, context) => this.#makeOperator(operator, context),
    )
    const readers = channels.readers(task.index, subtaskIndex)
    const gate =
      readers.length === 0
        ? undefined
        : new InputGate({
            channels: readers.map((reader) => ({ reader, input: 0 })),
            mode: this.#settings.checkpointMode,
            clock: this.#env.clock,
          })
    const subtask = new Subtask(id, chain, gate, [...outputs.values()], {
      clock: this.#env.clock,
      downstreamMs: this.#work.downstreamOf(task.index),
      post: this.#env.post,
      sweep: (sweep) => {
        this.#env.waker.wake()
        return this.#sweeps.start(sweep)
      },
      checkpointTarget: (checkpointId) => this.#checkpointTarget(checkpointId),
    })
    this.#metrics.add(subtask, task, groups)
    return subtask
  }

  #makeContext(
    task: TaskDescription,
    id: SubtaskId,
    operator: OperatorDescription,
    out: { readonly output: Output<any>; sideOutput(tag: string): Output<any> },
    restored: OperatorContext['restored'],
    metrics: MetricGroup,
    attempt: number,
  ): OperatorContext {
    return {
      applicationName: this.#graph.name,
      operatorId: operator.id,
      operatorName: operator.name,
      subtaskIndex: id.subtask,
      parallelism: task.parallelism,
      maxParallelism: this.#graph.maxParallelism,
      attempt,
      clock: this.#env.clock,
      scheduler: this.#env.scheduler,
      random: this.#env.random,
      logger: this.#logger.with({ operator: operator.name, subtask: id.subtask }),
      metrics,
      fileSystem: (path) => this.#env.fileSystems.forPath(path),
      output: out.output,
      sideOutput: out.sideOutput,
      wake: () => this.#env.waker.wake(),
      restored,
      createKeyedState: () => {
        const state = new HeapKeyedStateBackend({
          operatorId: operator.id,
          maxParallelism: this.#graph.maxParallelism,
          range: keyGroupRange(id.subtask, task.parallelism, this.#graph.maxParallelism),
        })
        if (restored !== undefined) state.restore(restored.keyed)
        return state
      },
    }
  }

  #makeOperator(operator: OperatorDescription, context: OperatorContext): Operator {
    if (operator.factory.kind === 'operator') return operator.factory.create(context)
    const about = { operatorId: operator.id, subtask: context.subtaskIndex }
    const gateway: SourceCoordinatorGateway = {
      registerReader: () => this.#env.post({ kind: 'reader-registered', ...about }),
      requestSplit: () => this.#env.post({ kind: 'split-requested', ...about }),
      sendEvent: (event) => this.#env.post({ kind: 'reader-event', ...about, event }),
    }
    return operator.factory.create(context, gateway)
  }

  async #checkpointTarget(checkpointId: number) {
    const target = await this.#checkpointTargets.targetOf(checkpointId)
    return target && { ...target, fileSystem: this.#env.fileSystems.forPath(target.folder) }
  }

  #sourceSubtask(about: { readonly operatorId: string; readonly subtask: number }): Subtask {
    const found = this.#subtasks.find(
      ({ id }) => id.subtask === about.subtask && this.#graph.tasks[id.task]?.operators[0]?.id === about.operatorId,
    )
    if (found === undefined) {
      throw new EngineError('INVARIANT_VIOLATED', {
        kind: 'bug',
        message: 'message for a source that is not here',
        details: about,
      })
    }
    return found
  }

  #run(): void {
    if (this.#state !== 'deployed') return
    this.#state = 'running'
    this.#scheduleTick()
    this.#loop = this.#runLoop()
  }

  async #runLoop(): Promise<void> {
    const { waker, clock, scheduler } = this.#env
    this.#nowMs = clock.monotonicMs()
    let sliceStartMs = this.#nowMs
    let rounds = 0
    while (this.#state === 'running') {
      waker.prepare()
      if (!this.#round()) {
        this.#scheduleProcessingTime()
        await waker.wait()
        this.#nowMs = clock.monotonicMs()
        sliceStartMs = this.#nowMs
        rounds = 0
        continue
      }
      if (this.#ticksWithoutRecords > 0) this.#stir()
      if (++rounds >= ROUNDS_PER_SLICE || this.#nowMs - sliceStartMs >= SLICE_MS) {
        await new Promise<void>((resolve) => scheduler.soon(resolve))
        this.#nowMs = clock.monotonicMs()
        sliceStartMs = this.#nowMs
        rounds = 0
      }
    }
  }

  #round(): boolean {
    let progress = this.#env.links.pump()
    for (const subtask of this.#subtasks) {
      this.#guard(subtask, () => {
        const endMs = subtask.step(this.#nowMs)
        if (endMs === undefined) return
        this.#work.worked(subtask.id.task, endMs - this.#nowMs)
        this.#nowMs = endMs
        progress = true
      })
      if (this.#state !== 'running') return false
    }
    if (this.#env.links.pump()) progress = true
    return this.#sweeps.step() || progress
  }

  #guard(subtask: Subtask, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#fail(subtask, error)
    }
  }

  #scheduleTick(): void {
    const { autoWatermarkIntervalMs } = this.#settings
    if (autoWatermarkIntervalMs <= 0 || this.#state !== 'running') return
    const intervalMs = this.#isQuiet() ? Math.max(autoWatermarkIntervalMs, QUIET_TICK_MS) : autoWatermarkIntervalMs
    this.#tickTimer = this.#env.scheduler.after(intervalMs, () => {
      this.#ticksWithoutRecords++
      for (const subtask of this.#subtasks) this.#guard(subtask, () => subtask.tick())
      this.#metrics.tick()
      this.#env.waker.wake()
      this.#scheduleTick()
    })
  }

  #isQuiet(): boolean {
    return this.#ticksWithoutRecords >= QUIET_TICKS
  }

  /** A record was read: ticks come at their interval again. For all other work, such as a checkpoint's, they needn't. */
  #stir(): void {
    const recordsRead = this.#subtasks.reduce((sum, { source }) => sum + (source?.recordsRead ?? 0), 0)
    if (recordsRead === this.#recordsRead) return
    this.#recordsRead = recordsRead
    const wasQuiet = this.#isQuiet()
    this.#ticksWithoutRecords = 0
    if (!wasQuiet) return
    this.#tickTimer?.cancel()
    this.#scheduleTick()
  }

  /** Wakes the loop when the next processing-time timer is due; such a timer fires once the clock is past it. */
  #scheduleProcessingTime(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const subtask of this.#subtasks) dueMs = Math.min(dueMs, subtask.nextProcessingTimeMs())
    if (dueMs === (this.#processingTimer?.dueMs ?? Number.POSITIVE_INFINITY)) return
    this.#processingTimer?.cancel.cancel()
    this.#processingTimer = undefined
    if (dueMs === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(dueMs - this.#env.clock.now() + 1, 0)
    const cancel = this.#env.scheduler.after(delayMs, () => {
      this.#processingTimer = undefined
      this.#env.waker.wake()
    })
    this.#processingTimer = { cancel, dueMs }
  }

  #notifyComplete(checkpointId: number): void {
    Promise.all(this.#subtasks.map((subtask) => subtask.chain.notifyCheckpointComplete(checkpointId))).then(
      () => this.#env.post({ kind: 'checkpoint-notified', checkpointId }),
      (error) => this.#fail(undefined, error),
    )
  }

  /** Tells the coordinator and stops working; the coordinator decides what follows. */
  #fail(subtask: Subtask | undefined, error: unknown): void {
    if (this.#state === 'closed' || this.#state === 'failed') return
    this.#stopWorking('failed')
    this.#env.post({
      kind: 'failed',
      subtask: subtask?.id,
      error: subtask === undefined ? serializeError(error) : subtask.describe(error),
    })
  }

  #stopWorking(state: 'failed' | 'closed'): void {
    this.#state = state
    this.#tickTimer?.cancel()
    this.#processingTimer?.cancel.cancel()
    this.#env.waker.wake()
  }

  /** Stops the loop and closes the operators, once however often it is called. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stopWorking('closed')
    await this.#loop
    const others = this.#subtasks.filter((subtask) => subtask !== this.#opening)
    const results = await Promise.allSettled(others.map((subtask) => subtask.chain.close()))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

interface Channels {
  writers(edge: number, sourceSubtask: number): readonly ChannelWriter[]
  readers(task: number, targetSubtask: number): readonly ChannelReader[]
}
