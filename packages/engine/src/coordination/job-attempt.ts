import type { Clock, Scheduler } from '../common/clock.ts'
import { asEngineError, assertNever, EngineError, invariant, restoreEngineError } from '../common/errors.ts'
import type { Logger, LogLevels, LogLine } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import type { CollectedMetrics, FromThread, OperatorMetrics, SubtaskId, ToThread } from '../runtime/task/messages.ts'
import {
  type JobGraph,
  type OperatorDescription,
  type TaskDescription,
  threadOf,
} from '../runtime/task/task-description.ts'
import {
  CheckpointCoordinator,
  type CheckpointRequest,
  type CheckpointSettings,
  type CompletedCheckpoint,
} from './checkpoint-coordinator.ts'
import type { CheckpointOwner } from './checkpoint-metadata.ts'
import type { CheckpointStorage, StoredCheckpoint } from './checkpoint-storage.ts'
import type { JobMonitor } from './monitor/job-monitor.ts'
import { mapState, restoredSplits } from './restore.ts'
import { SourceCoordinator } from './source-coordinator.ts'
import type { ThreadHandle, ThreadLauncher } from './threads.ts'

/** How an attempt ended: `finished` at the end of the input, `stopped` by a savepoint, or failed. */
export type AttemptOutcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'stopped'; readonly savepoint: CompletedCheckpoint }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'failed'; readonly error: EngineError }

export interface AttemptEnvironment {
  readonly graph: JobGraph
  readonly owner: CheckpointOwner
  readonly checkpoints: CheckpointSettings | undefined
  readonly storage: CheckpointStorage | undefined
  readonly launcher: ThreadLauncher
  readonly fileSystems: FileSystems
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  readonly logLevels: LogLevels
  /** Is told what happens. */
  readonly monitor: JobMonitor
  onRunning(): void
  onLog(line: LogLine): void
  onCheckpoint(checkpoint: CompletedCheckpoint): void
}

/** How long threads may take to close in good order before they are terminated. */
const CLOSE_TIMEOUT_MS = 5000
const METRICS_TIMEOUT_MS = 1000

/**
 * One attempt at running the job, from restoring to closing: threads, enumerators and checkpoints live and die with it.
 */
export class JobAttempt {
  readonly outcome: Promise<AttemptOutcome>
  readonly #env: AttemptEnvironment
  readonly #checkpoints: CheckpointCoordinator
  readonly #sources = new Map<string, SourceCoordinator>()
  readonly #ended = new Set<string>()
  readonly #subtaskCount: number
  readonly #deployed = new Set<number>()
  /** The newest checkpoint that each thread has done with; all before it are done too. */
  readonly #notified = new Map<number, number>()
  readonly #metricsRequests = new Map<number, { answers: CollectedMetrics[]; left: number; done: () => void }>()
  #threads: readonly ThreadHandle[] = []
  #closedThreads = new Set<number>()
  #onClosed: (() => void) | undefined
  #settle: (outcome: AttemptOutcome) => void = () => {}
  #over = false
  #finalId: number | undefined
  #stopSavepoint: CompletedCheckpoint | undefined
  #lastMetricsRequest = 0

  constructor(env: AttemptEnvironment) {
    this.#env = env
    this.#subtaskCount = env.graph.tasks.reduce((sum, task) => sum + task.parallelism, 0)
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#checkpoints = new CheckpointCoordinator({
      graph: env.graph,
      owner: env.owner,
      settings: env.checkpoints,
      storage: env.storage,
      fileSystems: env.fileSystems,
      clock: env.clock,
      scheduler: env.scheduler,
      logger: env.logger,
      history: env.monitor.checkpoints,
      post: (message) => this.#postAll(message),
      snapshotEnumerators: (checkpointId) =>
        [...this.#sources.values()].map((source) => ({
          operatorId: source.operatorId,
          state: source.snapshotState(checkpointId),
        })),
      onCompleted: (checkpoint) => {
        env.onCheckpoint(checkpoint)
        for (const source of this.#sources.values()) source.notifyCheckpointComplete(checkpoint.id)
      },
      onFailure: (error) => this.#fail(error),
    })
  }

  /** Restores and starts. Failures end the attempt; they are not thrown. */
  start(from: StoredCheckpoint | undefined, allowNonRestoredState: boolean): void {
    this.#start(from, allowNonRestoredState).catch((error) => this.#fail(asEngineError(error)))
  }

  async #start(from: StoredCheckpoint | undefined, allowNonRestoredState: boolean): Promise<void> {
    const { graph, launcher, owner } = this.#env
    const { monitor } = this.#env
    monitor.attemptBegins(owner.attempt)
    const restore = from === undefined ? [] : mapState(from, graph, allowNonRestoredState)
    if (from !== undefined) {
      const { checkpointId, kind } = from.record
      monitor.checkpoints.restored({ id: checkpointId, kind, path: from.folder })
    }
    await this.#createEnumerators(from, restore)
    if (this.#over) return this.#closeSources()
    monitor.executions.allTo('DEPLOYING')
    const threads = await launcher.launch(owner.attempt, (thread) => ({
      onMessage: (message) => this.#onMessage(thread, message),
      onExit: (error) => this.#onExit(thread, error),
    }))
    if (this.#over) {
      // Cancelled meanwhile: nobody else knows of these.
      await Promise.all(threads.map((thread) => thread.terminate()))
      return this.#closeSources()
    }
    this.#threads = threads
    monitor.executions.allTo('INITIALIZING')
    for (const source of this.#sources.values()) source.start()
    this.#postAll({ kind: 'set-log-levels', levels: this.#env.logLevels })
    this.#postAll({ kind: 'deploy', deployment: { attempt: owner.attempt, graphHash: graph.hash, restore } })
  }

  async #createEnumerators(from: StoredCheckpoint | undefined, restore: ReturnType<typeof mapState>): Promise<void> {
    const { graph, fileSystems, clock, scheduler, random, logger } = this.#env
    for (const task of graph.tasks) {
      const { id, name, factory } = task.operators[0] as OperatorDescription
      if (factory.kind !== 'source') continue
      const restored = from?.record.enumerators.find((enumerator) => enumerator.operatorId === id)
      const splitsBack = factory.source.reassignSplitsOnRestore ? await restoredSplits(id, restore, fileSystems) : []
      const coordinator = new SourceCoordinator(
        {
          applicationName: graph.name,
          operatorId: id,
          operatorName: name,
          parallelism: task.parallelism,
          source: factory.source,
          restoredState: restored?.state,
          splitsBack,
        },
        {
          clock,
          scheduler,
          random,
          logger,
          post: (subtask, message) => this.#threads[threadOf(subtask, this.#threads.length)]?.post(message),
          fail: (error) => this.#fail(asEngineError(error)),
        },
      )
      this.#sources.set(id, coordinator)
    }
  }

  #postAll(message: ToThread): void {
    for (const thread of this.#threads) thread.post(message)
  }

  #onMessage(thread: number, message: FromThread): void {
    if (message.kind === 'log') {
      this.#env.onLog(message.line)
      return
    }
    if (message.kind === 'closed') {
      this.#closedThreads.add(thread)
      if (this.#closedThreads.size === this.#threads.length) this.#onClosed?.()
      return
    }
    if (this.#over) return
    switch (message.kind) {
      case 'deployed':
        this.#deployed.add(thread)
        if (this.#deployed.size === this.#env.launcher.threads) this.#run()
        return
      case 'reader-registered':
        this.#sources.get(message.operatorId)?.readerRegistered(message.subtask)
        return
      case 'split-requested':
        this.#sources.get(message.operatorId)?.splitRequested(message.subtask)
        return
      case 'reader-event':
        this.#sources.get(message.operatorId)?.readerEvent(message.subtask, message.event)
        return
      case 'checkpoint-acknowledged':
        this.#checkpoints.acknowledge(message.checkpointId, message.snapshot)
        return
      case 'checkpoint-declined':
        this.#checkpoints.decline(message.checkpointId, message.error)
        return
      case 'checkpoint-notified':
        this.#onNotified(thread, message.checkpointId)
        return
      case 'ended':
        this.#onEnded(message.subtask)
        return
      case 'failed':
        this.#fail(restoreEngineError(message.error), message.subtask)
        return
      case 'metrics':
        this.#onMetrics(message.requestId, message.metrics)
        return
      default:
        assertNever(message)
    }
  }

  #run(): void {
    this.#postAll({ kind: 'run' })
    this.#env.monitor.executions.allTo('RUNNING')
    this.#env.onRunning()
    this.#checkpoints.start()
  }

  /** All input is processed: one last checkpoint commits what the sinks still hold (rule CP-9). */
  #onEnded({ task, subtask }: { task: number; subtask: number }): void {
    this.#ended.add(`${task}/${subtask}`)
    this.#env.monitor.executions.to({ task, subtask }, 'FINISHED')
    if (this.#stopSavepoint === undefined && !this.#stopping) this.#takeLastCheckpointIfEnded()
  }

  #takeLastCheckpointIfEnded(): void {
    if (this.#ended.size < this.#subtaskCount) return
    this.#checkpoints.pausePeriodic()
    this.#checkpoints.trigger({ kind: 'checkpoint', stop: 'none' }).then(
      ({ id }) => this.#awaitNotified(id),
      (error) => this.#fail(asEngineError(error)),
    )
  }

  #stopping = false

  /** A savepoint; with `stop` the attempt ends once it is complete and committed. */
  async savepoint(request: CheckpointRequest): Promise<CompletedCheckpoint> {
    if (request.stop === 'none') return this.#checkpoints.trigger(request)
    if (this.#stopping) {
      throw new EngineError('ALREADY_STOPPING', {
        kind: 'invalid',
        message: 'The application is being stopped already.',
      })
    }
    this.#stopping = true
    this.#checkpoints.pausePeriodic()
    try {
      const savepoint = await this.#checkpoints.trigger(request)
      this.#stopSavepoint = savepoint
      this.#awaitNotified(savepoint.id)
      const outcome = await this.outcome
      if (outcome.kind === 'failed') throw stoppedBadly(savepoint, outcome.error)
      return savepoint
    } catch (error) {
      this.#stopping = false
      if (!this.#over) this.#afterFailedStop(request)
      throw error
    }
  }

  /** The job goes on; when it was drained it can only do so from its last checkpoint. */
  #afterFailedStop(request: CheckpointRequest): void {
    if (request.stop === 'drain') {
      this.#fail(
        new EngineError('STOP_FAILED', {
          kind: 'unavailable',
          message: 'The savepoint of a stop with drain failed after the input had been ended.',
          hint: 'The application restarts from its last checkpoint; stop it again.',
        }),
      )
    } else {
      this.#checkpoints.start()
      // The input may have come to its end meanwhile.
      this.#takeLastCheckpointIfEnded()
    }
  }

  #awaitNotified(id: number): void {
    this.#finalId = id
    this.#checkIfDone()
  }

  #onNotified(thread: number, checkpointId: number): void {
    this.#notified.set(thread, Math.max(this.#notified.get(thread) ?? 0, checkpointId))
    this.#checkIfDone()
  }

  #checkIfDone(): void {
    const finalId = this.#finalId
    if (finalId === undefined) return
    if (!this.#threads.every((_, thread) => (this.#notified.get(thread) ?? 0) >= finalId)) return
    this.#end(
      this.#stopSavepoint === undefined ? { kind: 'finished' } : { kind: 'stopped', savepoint: this.#stopSavepoint },
    )
  }

  /** A checkpoint besides the periodic ones. */
  checkpoint(): Promise<CompletedCheckpoint> {
    return this.#checkpoints.trigger({ kind: 'checkpoint', stop: 'none' })
  }

  /** Metrics of all subtasks and operators; those of threads that don't answer in time, or end meanwhile, are missing. */
  collectMetrics(): Promise<CollectedMetrics> {
    const requestId = ++this.#lastMetricsRequest
    return new Promise((resolve) => {
      const answers: CollectedMetrics[] = []
      const done = (): void => {
        timeout.cancel()
        this.#metricsRequests.delete(requestId)
        resolve({
          operators: [...answers.flatMap(({ operators }) => operators), ...this.#enumeratorMetrics()],
          tasks: answers.flatMap(({ tasks }) => tasks),
          threads: answers.flatMap(({ threads }) => threads),
        })
      }
      const timeout = this.#env.scheduler.after(METRICS_TIMEOUT_MS, done)
      if (this.#over || this.#threads.length === 0) {
        done()
        return
      }
      this.#metricsRequests.set(requestId, { answers, left: this.#threads.length, done })
      this.#postAll({ kind: 'collect-metrics', requestId })
    })
  }

  #enumeratorMetrics(): OperatorMetrics[] {
    return [...this.#sources.values()].map(({ operatorId, operatorName, metrics }) => ({
      task: this.#taskOf(operatorId),
      subtask: -1,
      operatorId,
      operatorName,
      role: 'source',
      values: metrics.collect(),
    }))
  }

  #taskOf(operatorId: string): number {
    const has = (task: TaskDescription): boolean => task.operators.some(({ id }) => id === operatorId)
    const task = this.#env.graph.tasks.find(has)
    invariant(task !== undefined, 'an enumerator without a task', { operatorId })
    return task.index
  }

  #onMetrics(requestId: number, metrics: CollectedMetrics): void {
    const request = this.#metricsRequests.get(requestId)
    if (request === undefined) return
    request.answers.push(metrics)
    if (--request.left === 0) request.done()
  }

  setLogLevels(levels: LogLevels): void {
    this.#postAll({ kind: 'set-log-levels', levels })
  }

  cancel(): void {
    this.#end({ kind: 'canceled' })
  }

  #onExit(thread: number, error: unknown): void {
    this.#closedThreads.add(thread)
    if (this.#closedThreads.size === this.#threads.length) this.#onClosed?.()
    if (!this.#over) this.#fail(asEngineError(error, 'unavailable'))
  }

  #fail(error: EngineError, subtask?: SubtaskId): void {
    // At once: closing may take its time.
    if (!this.#over) this.#env.monitor.attemptFails(error, subtask)
    this.#end({ kind: 'failed', error })
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#over) return
    this.#over = true
    this.#checkpoints.stop()
    // Nobody answers any more, and a stop waits until all that was asked is answered.
    for (const { done } of [...this.#metricsRequests.values()]) done()
    if (outcome.kind === 'failed' || outcome.kind === 'canceled') this.#env.monitor.executions.allTo('CANCELING')
    this.#close(outcome)
      .catch((error) => this.#env.logger.warn('closing the attempt failed', { error: asEngineError(error).message }))
      .then(() => {
        this.#env.monitor.attemptEnds(outcome)
        this.#settle(outcome)
      })
  }

  /** Nothing of this attempt runs afterwards. A fenced one doesn't take the time to close in good order. */
  async #close(outcome: AttemptOutcome): Promise<void> {
    const closing = this.#closeSources(outcome.kind === 'failed' ? undefined : 'ended')
    const fenced = outcome.kind === 'failed' && outcome.error.kind === 'fenced'
    if (!fenced && this.#threads.length > 0) await this.#closeThreads()
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
    await Promise.race([closing, new Promise<void>((resolve) => this.#env.scheduler.after(CLOSE_TIMEOUT_MS, resolve))])
  }

  async #closeSources(reason?: 'ended'): Promise<void> {
    const sources = [...this.#sources.values()]
    this.#sources.clear()
    await Promise.allSettled(sources.map((source) => source.close(reason)))
  }

  #closeThreads(): Promise<void> {
    return new Promise((resolve) => {
      const timeout = this.#env.scheduler.after(CLOSE_TIMEOUT_MS, () => resolve())
      this.#onClosed = () => {
        timeout.cancel()
        resolve()
      }
      if (this.#closedThreads.size === this.#threads.length) this.#onClosed()
      else this.#postAll({ kind: 'close' })
    })
  }
}

/** The savepoint is good, yet not all that follows from it was done: the restart does it (rule CP-10). */
function stoppedBadly({ id, path }: CompletedCheckpoint, cause: EngineError): EngineError {
  return new EngineError('STOP_INCOMPLETE', {
    kind: cause.kind,
    message: `Savepoint ${path ?? id} is complete, but the application failed before it had stopped: ${cause.message}`,
    hint: 'The application restarts from that savepoint by its restart strategy; stop it again.',
    details: { savepoint: path, checkpointId: id },
    cause,
  })
}
