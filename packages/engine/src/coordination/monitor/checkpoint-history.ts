import type { Clock } from '../../common/clock.ts'
import type { EngineError } from '../../common/errors.ts'
import type { CheckpointKind } from '../../runtime/exchange/element.ts'
import type { SubtaskSnapshot } from '../../runtime/task/messages.ts'
import type { JobGraph } from '../../runtime/task/task-description.ts'
import type { CompletedCheckpoint } from '../checkpoint-coordinator.ts'
import { type NumberSummary, RunningSummary } from './number-summary.ts'

/** One subtask's part in a checkpoint. Durations in ms, the times epoch ms. */
export interface SubtaskCheckpoint {
  readonly task: number
  readonly subtask: number
  readonly acknowledgedMs: number
  /** From the trigger to its answer. */
  readonly durationMs: number
  readonly sizeBytes: number
  /** In which it processed no record. */
  readonly syncMs: number
  /** From there until its state was written. */
  readonly asyncMs: number
  /** From its first barrier to its last. */
  readonly alignmentMs: number
  /** From the trigger to its first barrier. */
  readonly startDelayMs: number
}

/** A checkpoint or savepoint as far as it has come. */
export interface CheckpointEntry {
  readonly id: number
  readonly kind: CheckpointKind
  /** The job ends with it. */
  readonly stops: boolean
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'
  readonly triggeredMs: number
  readonly latestAcknowledgedMs: number | null
  readonly sizeBytes: number
  /** Until it was complete or given up; so far, while it is under way. */
  readonly durationMs: number
  readonly subtasks: number
  readonly acknowledgedSubtasks: number
  /** Where it is, once it is complete; null when nothing is stored. */
  readonly path: string | null
  /** Newer ones have replaced it. */
  readonly discarded: boolean
  readonly failure: { readonly timestampMs: number; readonly message: string } | null
  /** One for each subtask that has answered; lists leave them out. */
  readonly answers?: readonly SubtaskCheckpoint[]
}

/** What the job was restored from. */
export interface RestoredCheckpoint {
  readonly id: number
  readonly kind: CheckpointKind
  readonly restoredMs: number
  readonly path: string
}

/** All that is known of a job's checkpoints since its process started. */
export interface CheckpointReport {
  readonly counts: {
    readonly restored: number
    readonly total: number
    readonly inProgress: number
    readonly completed: number
    readonly failed: number
  }
  /** Over completed ones. */
  readonly summary: { readonly sizeBytes: NumberSummary; readonly durationMs: NumberSummary }
  readonly latest: {
    readonly completed: CheckpointEntry | null
    readonly savepoint: CheckpointEntry | null
    readonly failed: CheckpointEntry | null
    readonly restored: RestoredCheckpoint | null
  }
  /** The newest first. */
  readonly history: readonly CheckpointEntry[]
}

type Ended = Partial<Pick<CheckpointEntry, 'path' | 'sizeBytes' | 'durationMs' | 'failure'>>

/** As many as Flink keeps (`web.checkpoints.history`). */
const HISTORY_LENGTH = 10

interface Tracked {
  entry: CheckpointEntry
  readonly triggeredMonotonicMs: number
  readonly answers: SubtaskCheckpoint[]
}

/** What happened to a job's checkpoints, over all its attempts. Purely observing. */
export class CheckpointHistory {
  readonly #clock: Clock
  readonly #subtasks: number
  readonly #sizeBytes = new RunningSummary()
  readonly #durationMs = new RunningSummary()
  /** The oldest first. */
  readonly #history: Tracked[] = []
  readonly #counts = { restored: 0, total: 0, inProgress: 0, completed: 0, failed: 0 }
  #completed: Tracked | undefined
  #savepoint: Tracked | undefined
  #failed: Tracked | undefined
  #restored: RestoredCheckpoint | undefined

  constructor(graph: JobGraph, clock: Clock) {
    this.#clock = clock
    this.#subtasks = graph.tasks.reduce((sum, task) => sum + task.parallelism, 0)
  }

  restored(from: Omit<RestoredCheckpoint, 'restoredMs'>): void {
    this.#counts.restored++
    this.#restored = { ...from, restoredMs: this.#clock.now() }
  }

  triggered(id: number, kind: CheckpointKind, stops: boolean): void {
    this.#counts.total++
    this.#counts.inProgress++
    this.#history.push({
      triggeredMonotonicMs: this.#clock.monotonicMs(),
      answers: [],
      entry: {
        id,
        kind,
        stops,
        status: 'IN_PROGRESS',
        triggeredMs: this.#clock.now(),
        latestAcknowledgedMs: null,
        sizeBytes: 0,
        durationMs: 0,
        subtasks: this.#subtasks,
        acknowledgedSubtasks: 0,
        path: null,
        discarded: false,
        failure: null,
      },
    })
    if (this.#history.length > HISTORY_LENGTH) this.#history.shift()
  }

  acknowledged(id: number, snapshot: SubtaskSnapshot): void {
    const tracked = this.#inProgress(id)
    if (tracked === undefined) return
    const { task, subtask, sizeBytes, syncMs, asyncMs, alignmentMs, startDelayMs } = snapshot
    const acknowledgedMs = this.#clock.now()
    const durationMs = this.#sinceTrigger(tracked)
    const times = { syncMs, asyncMs, alignmentMs, startDelayMs }
    tracked.answers.push({ task, subtask, acknowledgedMs, durationMs, sizeBytes, ...times })
    tracked.entry = {
      ...tracked.entry,
      latestAcknowledgedMs: acknowledgedMs,
      sizeBytes: tracked.entry.sizeBytes + sizeBytes,
      acknowledgedSubtasks: tracked.answers.length,
    }
  }

  completed({ id, path, sizeBytes, durationMs }: CompletedCheckpoint): void {
    const tracked = this.#end(id, 'COMPLETED', { path: path ?? null, sizeBytes, durationMs })
    if (tracked === undefined) return
    this.#completed = tracked
    if (tracked.entry.kind === 'savepoint') this.#savepoint = tracked
    this.#sizeBytes.add(sizeBytes)
    this.#durationMs.add(durationMs)
  }

  failed(id: number, error: EngineError): void {
    const failure = { timestampMs: this.#clock.now(), message: error.message }
    this.#failed = this.#end(id, 'FAILED', { failure }) ?? this.#failed
  }

  /** Checkpoints below that number are no longer kept; savepoints are the user's. */
  discardedBelow(id: number): void {
    for (const tracked of new Set([...this.#history, this.#completed])) {
      const { entry } = tracked ?? {}
      if (tracked === undefined || entry === undefined || entry.id >= id) continue
      if (entry.kind === 'checkpoint' && entry.status === 'COMPLETED') tracked.entry = { ...entry, discarded: true }
    }
  }

  report(): CheckpointReport {
    const shown = (tracked: Tracked | undefined): CheckpointEntry | null => (tracked && this.#soFar(tracked)) || null
    return {
      counts: { ...this.#counts },
      summary: { sizeBytes: this.#sizeBytes.summary(), durationMs: this.#durationMs.summary() },
      latest: {
        completed: shown(this.#completed),
        savepoint: shown(this.#savepoint),
        failed: shown(this.#failed),
        restored: this.#restored ?? null,
      },
      history: this.#history.map((tracked) => this.#soFar(tracked)).reverse(),
    }
  }

  /** One of those that the report shows, with the subtasks' answers. */
  checkpoint(id: number): CheckpointEntry | undefined {
    const known = [...this.#history, this.#completed, this.#savepoint, this.#failed]
    const tracked = known.find((one) => one?.entry.id === id)
    return tracked && { ...this.#soFar(tracked), answers: [...tracked.answers] }
  }

  #soFar(tracked: Tracked): CheckpointEntry {
    const { entry } = tracked
    return entry.status === 'IN_PROGRESS' ? { ...entry, durationMs: this.#sinceTrigger(tracked) } : entry
  }

  #end(id: number, status: CheckpointEntry['status'], ended: Ended): Tracked | undefined {
    const tracked = this.#inProgress(id)
    if (tracked === undefined) return undefined
    tracked.entry = { ...tracked.entry, durationMs: this.#sinceTrigger(tracked), ...ended, status }
    this.#counts.inProgress--
    if (status === 'COMPLETED') this.#counts.completed++
    else this.#counts.failed++
    return tracked
  }

  /** Of several attempts' checkpoints of one number only the last can be under way. */
  #inProgress(id: number): Tracked | undefined {
    return this.#history.findLast(({ entry }) => entry.id === id && entry.status === 'IN_PROGRESS')
  }

  #sinceTrigger({ triggeredMonotonicMs }: Tracked): number {
    return this.#clock.monotonicMs() - triggeredMonotonicMs
  }
}
