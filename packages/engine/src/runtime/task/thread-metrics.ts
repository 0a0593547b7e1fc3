import type { Clock } from '../../common/clock.ts'
import type { ThreadFigures } from '../../common/thread-figures.ts'
import type { MetricGroup } from '../../spi/metrics.ts'
import type { CollectedMetrics } from './messages.ts'
import { RATE_WINDOW_MS, Rates } from './rates.ts'
import type { Subtask } from './subtask.ts'
import { type OperatorDescription, operatorRole, type TaskDescription } from './task-description.ts'

type Values = Record<string, number | null>

interface WatchedOperator {
  readonly subtask: Subtask
  /** In its chain. */
  readonly index: number
  readonly operator: OperatorDescription
  readonly group: MetricGroup
  readonly rates: Rates
}

interface WatchedSubtask {
  readonly subtask: Subtask
  readonly rates: Rates
}

/** Totals that are told as `…PerSecond` too. */
const METERS = ['numRecordsIn', 'numRecordsOut', 'numBytesIn', 'numBytesOut', 'numLateRecordsDropped']

/** The metrics of all subtasks and operators of one thread, and of the thread. Names and meaning are Flink's. */
export class ThreadMetrics {
  readonly #clock: Clock
  readonly #figures: (() => ThreadFigures) | undefined
  readonly #thread: number
  readonly #operators: WatchedOperator[] = []
  readonly #subtasks: WatchedSubtask[] = []
  #sampledMs = Number.NEGATIVE_INFINITY

  /** `figures` reads what the thread itself takes; undefined where it has no heap of its own. */
  constructor(clock: Clock, thread: number, figures: (() => ThreadFigures) | undefined) {
    this.#clock = clock
    this.#thread = thread
    this.#figures = figures
  }

  /** `groups`: each operator's own metrics, by its id. */
  add(subtask: Subtask, task: TaskDescription, groups: ReadonlyMap<string, MetricGroup>): void {
    const nowMs = this.#clock.monotonicMs()
    this.#subtasks.push({ subtask, rates: new Rates(nowMs, subtaskTotals(subtask, nowMs)) })
    for (const [index, operator] of task.operators.entries()) {
      const group = groups.get(operator.id)
      if (group !== undefined) this.#operators.push({ subtask, index, operator, group, rates: new Rates(nowMs) })
    }
  }

  /** To be called every now and then; takes the samples that rates are reckoned from when they are due. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sampledMs < RATE_WINDOW_MS) return
    this.#sampledMs = nowMs
    for (const operator of this.#operators) operator.rates.sample(nowMs, totalsOf(operatorValues(operator)))
    for (const { subtask, rates } of this.#subtasks) rates.sample(nowMs, subtaskTotals(subtask, nowMs))
  }

  collect(): CollectedMetrics {
    const nowMs = this.#clock.monotonicMs()
    const figures = this.#figures?.()
    return {
      operators: this.#operators.map((watched) => {
        const { subtask, operator, rates } = watched
        const values = operatorValues(watched)
        const perSecond = withSuffix(rates.perSecond(nowMs, totalsOf(values)))
        return {
          ...subtask.id,
          operatorId: operator.id,
          operatorName: operator.name,
          role: operatorRole(operator),
          values: { ...values, ...perSecond },
        }
      }),
      tasks: this.#subtasks.map(({ subtask, rates }) => {
        const totals = subtaskTotals(subtask, nowMs)
        const { busyTimeMs, idleTimeMs, backPressuredTimeMs, ...counts } = totals
        const perSecond = withSuffix(rates.perSecond(nowMs, totals))
        const values = { ...counts, ...perSecond, ...watermarksOf(subtask) }
        return { ...subtask.id, taskName: subtask.chain.taskName, values }
      }),
      threads: figures === undefined ? [] : [{ thread: this.#thread, ...figures }],
    }
  }
}

function operatorValues({ subtask, index, group }: WatchedOperator): Values {
  const { recordsIn, recordsOut } = subtask.chain.countsOf(index)
  return {
    ...group.collect(),
    numRecordsIn: index === 0 ? subtask.counts().numRecordsIn : recordsIn,
    numRecordsOut: recordsOut,
    ...watermarksOf(subtask, index),
  }
}

function totalsOf(values: Readonly<Values>): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const name of METERS) {
    const value = values[name]
    if (typeof value === 'number') totals[name] = value
  }
  return totals
}

function subtaskTotals(subtask: Subtask, nowMs: number): Record<string, number> {
  const { busyMs, idleMs, backPressuredMs } = subtask.time.spent(nowMs)
  return {
    ...subtask.counts(),
    busyTimeMs: busyMs,
    idleTimeMs: idleMs,
    backPressuredTimeMs: backPressuredMs,
  }
}

/** The watermark passes a chain at once; a source has none coming in. */
function watermarksOf(subtask: Subtask, index = 0): Values {
  const { watermarkMs } = subtask
  if (subtask.source !== undefined && index === 0) return { currentOutputWatermark: watermarkMs }
  return { currentInputWatermark: watermarkMs, currentOutputWatermark: watermarkMs }
}

function withSuffix(rates: Values): Values {
  return Object.fromEntries(Object.entries(rates).map(([name, rate]) => [`${name}PerSecond`, rate]))
}
