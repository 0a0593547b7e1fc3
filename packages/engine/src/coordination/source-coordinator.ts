import type { Clock, Scheduler } from '../common/clock.ts'
import type { Logger } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import type { ToThread } from '../runtime/task/messages.ts'
import { createMetricGroup, type MetricGroup } from '../spi/metrics.ts'
import type { EnumeratorContext, Source, Split, SplitEnumerator } from '../spi/source.ts'

export interface SourceCoordinatorSettings {
  readonly applicationName: string
  readonly operatorId: string
  readonly operatorName: string
  readonly parallelism: number
  readonly source: Source<unknown>
  readonly restoredState: unknown
  readonly splitsBack: readonly Split[]
}

export interface SourceCoordinatorEnvironment {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  /** To the thread that runs that subtask. */
  post(subtask: number, message: ToThread): void
  fail(error: unknown): void
}

/** Runs one source's enumerator for one attempt; nothing reaches it or its readers once it is closed. */
export class SourceCoordinator {
  readonly operatorId: string
  readonly operatorName: string
  readonly metrics: MetricGroup = createMetricGroup()
  readonly #enumerator: SplitEnumerator<Split, unknown>
  readonly #registered = new Set<number>()
  readonly #env: SourceCoordinatorEnvironment
  #started = false
  #closed = false

  constructor(settings: SourceCoordinatorSettings, env: SourceCoordinatorEnvironment) {
    this.operatorId = settings.operatorId
    this.operatorName = settings.operatorName
    this.#env = env
    const { operatorId } = settings
    const post = (subtask: number, message: ToThread): void => {
      if (!this.#closed) env.post(subtask, message)
    }
    const context: EnumeratorContext<Split> = {
      applicationName: settings.applicationName,
      operatorId,
      parallelism: settings.parallelism,
      registeredReaders: this.#registered,
      clock: env.clock,
      scheduler: env.scheduler,
      random: env.random,
      logger: env.logger.with({ source: settings.operatorName }),
      metrics: this.metrics,
      assignSplits: (subtask, splits) => post(subtask, { kind: 'add-splits', operatorId, subtask, splits }),
      signalNoMoreSplits: (subtask) => post(subtask, { kind: 'no-more-splits', operatorId, subtask }),
      sendEvent: (subtask, event) => post(subtask, { kind: 'source-event', operatorId, subtask, event }),
      fail: (error) => {
        if (!this.#closed) env.fail(error)
      },
    }
    this.#enumerator = settings.source.createEnumerator(context, settings.restoredState)
    if (settings.splitsBack.length > 0) this.#enumerator.addSplitsBack(settings.splitsBack)
  }

  start(): void {
    this.#started = true
    this.#enumerator.start()
    for (const subtask of this.#registered) this.#enumerator.addReader(subtask)
  }

  readerRegistered(subtask: number): void {
    this.#registered.add(subtask)
    if (this.#started) this.#guard(() => this.#enumerator.addReader(subtask))
  }

  splitRequested(subtask: number): void {
    this.#guard(() => this.#enumerator.handleSplitRequest?.(subtask))
  }

  readerEvent(subtask: number, event: unknown): void {
    this.#guard(() => this.#enumerator.handleEvent?.(subtask, event))
  }

  snapshotState(checkpointId: number): unknown {
    return this.#enumerator.snapshotState(checkpointId)
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#guard(() => this.#enumerator.notifyCheckpointComplete?.(checkpointId))
  }

  #guard(action: () => void): void {
    if (this.#closed) return
    try {
      action()
    } catch (error) {
      this.#env.fail(error)
    }
  }

  /** `ended`: no restart follows. */
  async close(reason?: 'ended'): Promise<void> {
    this.#closed = true
    await this.#enumerator.close(reason)
  }
}
