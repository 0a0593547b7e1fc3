import type { Cancellable, Clock, Scheduler } from '../common/clock.ts'
import { asEngineError, EngineError, restoreEngineError, type SerializedError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { CheckpointKind } from '../runtime/exchange/element.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import type { SubtaskSnapshot, ToThread } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import type { CheckpointOwner, CheckpointRecord } from './checkpoint-metadata.ts'
import { type CheckpointStorage, copyStateFiles, writeSavepoint } from './checkpoint-storage.ts'
import type { CheckpointHistory } from './monitor/checkpoint-history.ts'

export interface CheckpointSettings {
  /** From trigger to trigger, ms. */
  readonly intervalMs: number
  readonly mode: 'exactly-once' | 'at-least-once'
  /** From the trigger; then the checkpoint is given up. */
  readonly timeoutMs: number
  /** From the completion of one to the trigger of the next periodic one. */
  readonly minPauseMs: number
  /** How many consecutive failures don't fail the job. */
  readonly tolerableFailures: number
  /** How many completed checkpoints are kept. */
  readonly retained: number
}

export interface CompletedCheckpoint {
  readonly id: number
  readonly kind: CheckpointKind
  /** The folder that holds it: the savepoint's own, or the checkpoint's; undefined when nothing is stored. */
  readonly path: string | undefined
  readonly sizeBytes: number
  readonly durationMs: number
}

export interface CheckpointRequest {
  readonly kind: CheckpointKind
  readonly stop: 'none' | 'drain' | 'suspend'
  /** Where a savepoint's own copy goes. */
  readonly targetFolder?: string | undefined
}

export interface CheckpointCoordinatorEnvironment {
  readonly graph: JobGraph
  readonly owner: CheckpointOwner
  readonly settings: CheckpointSettings | undefined
  readonly storage: CheckpointStorage | undefined
  readonly fileSystems: FileSystems
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
  /** Is told what happens. */
  readonly history: CheckpointHistory
  post(message: ToThread): void
  snapshotEnumerators(checkpointId: number): CheckpointRecord['enumerators']
  /** After the record is durable and before the threads are told. */
  onCompleted(checkpoint: CompletedCheckpoint): void
  /** The job must fail: fenced, or too many failures. */
  onFailure(error: EngineError): void
}

interface PendingCheckpoint {
  readonly id: number
  readonly request: CheckpointRequest
  readonly enumerators: CheckpointRecord['enumerators']
  readonly triggeredMs: number
  readonly timestampMs: number
  readonly acknowledged: Map<string, SubtaskSnapshot>
  readonly timeout: Cancellable
  readonly resolve: (checkpoint: CompletedCheckpoint) => void
  readonly reject: (error: EngineError) => void
  completing: boolean
}

interface QueuedRequest {
  readonly request: CheckpointRequest
  readonly resolve: (checkpoint: CompletedCheckpoint) => void
  readonly reject: (error: EngineError) => void
}

const DEFAULT_TIMEOUT_MS = 600_000

/**
 * Checkpoints of one attempt: triggers them, collects the subtasks' answers, makes the record durable, then tells everyone
 * (rules CP-5 to CP-8). One at a time; savepoints go before periodic ones.
 */
export class CheckpointCoordinator {
  readonly #env: CheckpointCoordinatorEnvironment
  readonly #subtaskCount: number
  readonly #queue: QueuedRequest[] = []
  readonly #retained: number[]
  #pending: PendingCheckpoint | undefined
  #lastId: number
  #lastCompletedMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #periodic: Cancellable | undefined
  /** A periodic checkpoint was due while another was under way. */
  #periodicWaits = false
  #stopped = false

  constructor(env: CheckpointCoordinatorEnvironment) {
    this.#env = env
    this.#subtaskCount = env.graph.tasks.reduce((sum, task) => sum + task.parallelism, 0)
    this.#lastId = env.storage?.lastNumber ?? 0
    this.#retained = [...(env.storage?.completedBefore ?? [])]
  }

  /** Starts periodic checkpoints, when the job has any. */
  start(): void {
    if (this.#env.settings !== undefined) this.#schedulePeriodic(this.#env.settings.intervalMs)
  }

  #schedulePeriodic(delayMs: number): void {
    this.#periodic = this.#env.scheduler.after(delayMs, () => this.#periodicTick())
  }

  #periodicTick(): void {
    const { settings, clock } = this.#env
    if (this.#stopped || settings === undefined) return
    const pauseLeftMs = this.#lastCompletedMs + settings.minPauseMs - clock.monotonicMs()
    if (pauseLeftMs > 0) {
      this.#schedulePeriodic(pauseLeftMs)
      return
    }
    this.#schedulePeriodic(settings.intervalMs)
    if (this.#pending !== undefined || this.#queue.length > 0) {
      this.#periodicWaits = true
      return
    }
    this.#periodicWaits = false
    this.trigger({ kind: 'checkpoint', stop: 'none' }).catch(() => {
      // Counted and reported where it failed.
    })
  }

  /** Resolves when that checkpoint is complete; rejects when it was given up. */
  trigger(request: CheckpointRequest): Promise<CompletedCheckpoint> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) reject(aborted('the job is ending'))
      else if (this.#pending === undefined) this.#begin({ request, resolve, reject })
      else this.#queue.push({ request, resolve, reject })
    })
  }

  #begin({ request, resolve, reject }: QueuedRequest): void {
    const { clock, scheduler, settings, storage } = this.#env
    const id = ++this.#lastId
    this.#env.history.triggered(id, request.kind, request.stop !== 'none')
    let enumerators: CheckpointRecord['enumerators']
    try {
      enumerators = this.#env.snapshotEnumerators(id)
    } catch (error) {
      const failure = asEngineError(error)
      this.#env.history.failed(id, failure)
      reject(failure)
      if (request.kind === 'checkpoint') this.#countFailure(id, failure)
      this.#next()
      return
    }
    const timeout = scheduler.after(settings?.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
      this.#abort(
        id,
        new EngineError('CHECKPOINT_EXPIRED', {
          kind: 'unavailable',
          message: `Checkpoint ${id} wasn't complete in time: ${this.#missing()} subtasks had not answered.`,
          hint: 'Look for back-pressure or a slow sink, or raise the checkpoint time-out.',
          details: { checkpointId: id },
        }),
      ),
    )
    const timestampMs = clock.now()
    this.#pending = {
      id,
      request,
      enumerators,
      triggeredMs: clock.monotonicMs(),
      timestampMs,
      acknowledged: new Map(),
      timeout,
      resolve,
      reject,
      completing: false,
    }
    const folder = storage?.folderOf(id) ?? request.targetFolder
    const barrier = { checkpointId: id, kind: request.kind, timestampMs, stop: request.stop }
    const { epoch, attempt, nonce } = this.#env.owner
    const target = folder === undefined ? undefined : { folder, writer: `${epoch}-${attempt}-${nonce.slice(0, 8)}` }
    this.#env.post({ kind: 'trigger-checkpoint', barrier, target })
  }

  #missing(): number {
    return this.#subtaskCount - (this.#pending?.acknowledged.size ?? 0)
  }

  acknowledge(checkpointId: number, snapshot: SubtaskSnapshot): void {
    const pending = this.#pending
    if (pending === undefined || pending.id !== checkpointId || pending.completing) return
    pending.acknowledged.set(`${snapshot.task}/${snapshot.subtask}`, snapshot)
    this.#env.history.acknowledged(checkpointId, snapshot)
    if (pending.acknowledged.size < this.#subtaskCount) return
    pending.completing = true
    this.#complete(pending).catch((error) => this.#completionFailed(pending, asEngineError(error, 'unavailable')))
  }

  decline(checkpointId: number, error: SerializedError): void {
    if (this.#pending?.id === checkpointId) this.#abort(checkpointId, restoreEngineError(error))
  }

  async #complete(pending: PendingCheckpoint): Promise<void> {
    const { storage, fileSystems } = this.#env
    const { request, id } = pending
    const record = this.#record(pending)
    const { targetFolder } = request
    const target =
      targetFolder === undefined ? undefined : { folder: targetFolder, fileSystem: fileSystems.forPath(targetFolder) }
    if (storage !== undefined) {
      const from = { folder: storage.folderOf(id), fileSystem: fileSystems.forPath(storage.folder) }
      if (target !== undefined) await copyStateFiles(from, target, record)
      await storage.complete(record)
      if (this.#pending !== pending) return
    }
    // Last: what looks like a savepoint is one, of a rightful attempt.
    if (target !== undefined) await writeSavepoint(target, record)
    if (this.#pending !== pending) return
    this.#completed(pending, targetFolder ?? storage?.folderOf(id), record.sizeBytes)
  }

  #completed(pending: PendingCheckpoint, path: string | undefined, sizeBytes: number): void {
    const { clock } = this.#env
    pending.timeout.cancel()
    this.#pending = undefined
    this.#failures = 0
    this.#lastCompletedMs = clock.monotonicMs()
    const { id, request } = pending
    const completed = {
      id,
      kind: request.kind,
      path,
      sizeBytes,
      durationMs: this.#lastCompletedMs - pending.triggeredMs,
    }
    this.#env.history.completed(completed)
    this.#env.onCompleted(completed)
    this.#env.post({ kind: 'checkpoint-complete', checkpointId: id })
    pending.resolve(completed)
    this.#retain(id)
    this.#next()
  }

  /** Older checkpoints are removed beside the work; what can't be removed now goes with a later one. */
  #retain(id: number): void {
    const { storage, settings, logger } = this.#env
    this.#retained.push(id)
    while (this.#retained.length > (settings?.retained ?? 1)) this.#retained.shift()
    const oldest = this.#retained[0] as number
    this.#env.history.discardedBelow(oldest)
    storage?.removeBelow(oldest).catch((error) => {
      logger.warn('old checkpoints could not be removed', { error: asEngineError(error).message })
    })
  }

  #record(pending: PendingCheckpoint): CheckpointRecord {
    const { graph, owner } = this.#env
    const snapshots = [...pending.acknowledged.values()]
    const operators = graph.tasks.flatMap((task) => {
      const ofTask = snapshots.filter((snapshot) => snapshot.task === task.index).sort((a, b) => a.subtask - b.subtask)
      return task.operators
        .filter(({ id }) => ofTask.some((snapshot) => snapshot.operatorIds.includes(id)))
        .map(({ id, name }) => ({
          operatorId: id,
          operatorName: name,
          parallelism: task.parallelism,
          files: ofTask.map((snapshot) => (snapshot.file ?? '').split('/').at(-1) as string),
        }))
    })
    return {
      kind: pending.request.kind,
      checkpointId: pending.id,
      owner,
      applicationName: graph.name,
      graphHash: graph.hash,
      maxParallelism: graph.maxParallelism,
      timestampMs: pending.timestampMs,
      sizeBytes: snapshots.reduce((sum, snapshot) => sum + snapshot.sizeBytes, 0),
      operators,
      enumerators: pending.enumerators,
    }
  }

  #completionFailed(pending: PendingCheckpoint, error: EngineError): void {
    if (this.#pending !== pending) return
    if (error.kind === 'fenced') this.#env.onFailure(error)
    this.#abort(pending.id, error)
  }

  #abort(id: number, error: EngineError): void {
    const pending = this.#pending
    if (pending === undefined || pending.id !== id) return
    pending.timeout.cancel()
    this.#pending = undefined
    this.#env.history.failed(id, error)
    this.#env.post({ kind: 'checkpoint-aborted', checkpointId: id })
    pending.reject(error)
    this.#env.logger.warn('checkpoint failed', { checkpointId: id, code: error.code, reason: error.message })
    if (pending.request.kind === 'checkpoint') this.#countFailure(id, error)
    this.#next()
  }

  #countFailure(id: number, error: EngineError): void {
    const tolerable = this.#env.settings?.tolerableFailures ?? 0
    if (++this.#failures <= tolerable || this.#stopped) return
    this.#env.onFailure(
      new EngineError('CHECKPOINT_FAILED', {
        kind: error.kind === 'fenced' || error.kind === 'bug' || error.kind === 'corrupt' ? error.kind : 'unavailable',
        message: `Checkpoint ${id} failed: ${error.message}`,
        hint: error.hint,
        details: { checkpointId: id, consecutiveFailures: this.#failures },
        cause: error,
      }),
    )
  }

  #next(): void {
    if (this.#pending !== undefined || this.#stopped) return
    const queued = this.#queue.shift()
    if (queued !== undefined) this.#begin(queued)
    else if (this.#periodicWaits) this.#catchUpPeriodic()
  }

  #catchUpPeriodic(): void {
    this.#periodicWaits = false
    this.#periodic?.cancel()
    this.#periodicTick()
  }

  /** Ends periodic checkpoints, as while the job is being stopped; asked-for ones still work. */
  pausePeriodic(): void {
    this.#periodic?.cancel()
    this.#periodicWaits = false
  }

  /** Gives everything up: the attempt is over. */
  stop(): void {
    this.#stopped = true
    this.#periodic?.cancel()
    const error = aborted('the attempt ended')
    if (this.#pending !== undefined) this.#env.history.failed(this.#pending.id, error)
    this.#pending?.timeout.cancel()
    this.#pending?.reject(error)
    this.#pending = undefined
    for (const queued of this.#queue.splice(0)) queued.reject(error)
  }
}

function aborted(reason: string): EngineError {
  return new EngineError('CHECKPOINT_ABORTED', {
    kind: 'unavailable',
    message: `The checkpoint was given up: ${reason}.`,
  })
}
