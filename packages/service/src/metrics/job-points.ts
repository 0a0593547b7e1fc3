import type { OperatorMetricsLine, TaskMetricsLine } from '../launchers/index.ts'
import type { JobMetrics } from './job-metrics.ts'
import type { MetricDimensions, MetricPoint } from './metric-point.ts'
import { type Combination, isKept, type MetricDeclaration, type MetricsLevel, metricTable } from './metric-table.ts'

const heapBytesPerKpu = 3 * 2 ** 30
const memoryBytesPerKpu = 4 * 2 ** 30

/** A value of a subtask: what all coarser ones are made of. */
interface Sample {
  readonly task: string
  /** Undefined for what belongs to a subtask as a whole. */
  readonly operator: string | undefined
  readonly subtask: number
  readonly shard?: string | undefined
  readonly value: number
  /** Whether it goes into the value of the application, and of its task. */
  readonly ofApplication: boolean
  readonly ofTask: boolean
}

/**
 * The points of an application at the levels it keeps, of the metrics in `table`, from what its job told now and the time
 * before. A value that isn't there (no watermark yet, the first CPU time of a process) makes no point.
 */
export function jobPoints(
  now: JobMetrics,
  before: JobMetrics | undefined,
  restartsBefore = 0,
  table: readonly MetricDeclaration[] = metricTable,
): MetricPoint[] {
  const { applicationName: Application, collectedMs, level: kept } = now
  const points: MetricPoint[] = []
  const add = (
    { name, unit }: MetricDeclaration,
    level: MetricsLevel,
    dimensions: Omit<MetricDimensions, 'Application'>,
    value: number | null | undefined,
  ): void => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return
    points.push({ name, level, dimensions: { Application, ...dimensions }, unit, timestampMs: collectedMs, value })
  }
  const lines = new JobLines(now)
  const whole = wholeJob(now, before, restartsBefore)
  for (const declaration of table) {
    if (declaration.from !== 'task' && declaration.from !== 'operator') {
      add(declaration, 'APPLICATION', {}, whole[declaration.name])
      continue
    }
    const levels = declaration.levels.filter((level) => isKept(level, kept))
    const samples = levels.length === 0 ? [] : lines.samples(declaration)
    for (const level of levels) {
      for (const { dimensions, values } of grouped(samples, level)) {
        add(declaration, level, dimensions, combined(values, declaration.combine))
      }
    }
  }
  return points
}

/** What is no sum of parts. */
function wholeJob(
  now: JobMetrics,
  before: JobMetrics | undefined,
  restartsBefore: number,
): Record<string, number | null> {
  const { event, kpus, memoryBytes } = now
  const { process } = event
  const threads = [process.main, ...event.threads]
  const total = (of: (thread: (typeof threads)[number]) => number): number =>
    threads.reduce((sum, thread) => sum + of(thread), 0)
  const cpu = cpuPercent(now, before)
  return {
    ...event.job,
    KPUs: kpus,
    fullRestarts: restartsBefore + event.restarts,
    cpuUtilization: cpu,
    containerCPUUtilization: cpu,
    containerMemoryUtilization: (100 * (memoryBytes ?? process.residentBytes)) / (kpus * memoryBytesPerKpu),
    heapMemoryUtilization: (100 * total(({ heapUsedBytes }) => heapUsedBytes)) / (kpus * heapBytesPerKpu),
    oldGenerationGCCount: total(({ oldGcCount }) => oldGcCount),
    oldGenerationGCTime: total(({ oldGcTimeMs }) => oldGcTimeMs),
    threadsCount: process.threadCount,
    eventLoopLag: process.eventLoopLagMs,
  }
}

/** Of the process's own clock, so that a late answer doesn't count as idleness. */
function cpuPercent(now: JobMetrics, before: JobMetrics | undefined): number | null {
  if (before === undefined || before.epoch !== now.epoch) return null
  const elapsedMs = now.event.uptimeMs - before.event.uptimeMs
  const usedMs = now.event.process.cpuTimeMs - before.event.process.cpuTimeMs
  return elapsedMs <= 0 ? null : (100 * usedMs) / (elapsedMs * now.kpus)
}

const shardPattern = /\.shardId\.([^.]+)\.millisBehindLatest$/

/** The lines of one answer, as samples of a metric. */
class JobLines {
  readonly #tasks: readonly TaskMetricsLine[]
  readonly #operators: readonly OperatorMetricsLine[]
  readonly #names = new Map<number, string>()
  /** Of each task the operators that stand at its ends. */
  readonly #operatorNames: ReadonlyMap<string, string>

  constructor({ event }: JobMetrics) {
    this.#tasks = event.tasks
    // Subtask -1 is a source's enumerator.
    this.#operators = event.operators.filter(({ subtask }) => subtask >= 0)
    for (const { task, taskName } of event.tasks) this.#names.set(task, taskName)
    this.#operatorNames = uniqueNames(this.#operators)
  }

  samples(declaration: MetricDeclaration): Sample[] {
    const { name } = declaration
    if (declaration.from === 'task') return this.#ofSubtasks(name)
    if (name === 'millisBehindLatest') return this.#behind()
    return this.#ofOperators(name)
  }

  /** All operators of a chain share its time. */
  #ofSubtasks(name: string): Sample[] {
    return this.#tasks.flatMap(({ task, taskName, subtask, values }) => {
      const value = values[name]
      if (typeof value !== 'number') return []
      const whole = { task: taskName, subtask, value, ofApplication: false }
      const operators = this.#operators.filter((operator) => operator.task === task && operator.subtask === subtask)
      return [
        { ...whole, operator: undefined, ofTask: true },
        ...operators.map(({ operatorId }) => ({ ...whole, operator: this.#nameOf(operatorId), ofTask: false })),
      ]
    })
  }

  #ofOperators(name: string): Sample[] {
    const ofWhole = this.#tasks.flatMap(({ taskName, subtask, values }): Sample[] => {
      const value = values[name]
      if (typeof value !== 'number') return []
      return [{ task: taskName, operator: undefined, subtask, value, ofApplication: false, ofTask: true }]
    })
    const inTask = new Set(ofWhole.map(({ task }) => task))
    const ofOperators = this.#operators.flatMap((line): Sample[] => {
      const value = line.values[name]
      if (typeof value !== 'number') return []
      const task = this.#names.get(line.task) ?? ''
      const ofApplication = countsForApplication(line, name)
      const alone = { task, operator: this.#nameOf(line.operatorId), subtask: line.subtask }
      // A sink's own output is what it has sent.
      const sent = ofApplication && line.role === 'sink' ? sentBy(line, name) : value
      return [{ ...alone, value: sent, ofApplication, ofTask: !inTask.has(task) }]
    })
    return [...ofWhole, ...ofOperators]
  }

  #behind(): Sample[] {
    return this.#operators.flatMap(({ task, operatorId, subtask, values }) =>
      Object.entries(values).flatMap(([path, value]): Sample[] => {
        const shard = shardPattern.exec(path)?.[1]
        if (shard === undefined || typeof value !== 'number') return []
        const place = { task: this.#names.get(task) ?? '', operator: this.#nameOf(operatorId), subtask, shard }
        return [{ ...place, value, ofApplication: true, ofTask: true }]
      }),
    )
  }

  #nameOf(operatorId: string): string {
    return this.#operatorNames.get(operatorId) ?? operatorId
  }
}

/** Flows are counted once: at the sources what comes in, at the sinks what goes out. */
function countsForApplication({ role }: OperatorMetricsLine, name: string): boolean {
  if (name.startsWith('numRecordsIn')) return role === 'source'
  if (name.startsWith('numRecordsOut')) return role === 'sink'
  return true
}

/** What a sink hands on leaves the application: its output is what it was given. */
function sentBy({ values }: OperatorMetricsLine, name: string): number {
  return values[name.replace('Out', 'In')] ?? 0
}

/** Two operators may have one name: the later ones are told by their ids. */
function uniqueNames(operators: readonly OperatorMetricsLine[]): Map<string, string> {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  for (const { operatorId, operatorName } of operators) {
    if (names.has(operatorId)) continue
    names.set(operatorId, taken.has(operatorName) ? `${operatorName} (${operatorId})` : operatorName)
    taken.add(operatorName)
  }
  return names
}

interface Group {
  readonly dimensions: Omit<MetricDimensions, 'Application'>
  readonly values: number[]
}

/** The samples that make one value each at that level. */
function grouped(samples: readonly Sample[], level: MetricsLevel): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const sample of samples) {
    const dimensions = dimensionsOf(sample, level)
    if (dimensions === undefined) continue
    const key = JSON.stringify(dimensions)
    const group = groups.get(key) ?? { dimensions, values: [] }
    groups.set(key, group)
    group.values.push(sample.value)
  }
  return [...groups.values()]
}

/** Undefined: the sample has no part in that level. */
function dimensionsOf(sample: Sample, level: MetricsLevel): Group['dimensions'] | undefined {
  const { task: Task, operator, subtask, shard, ofApplication, ofTask } = sample
  switch (level) {
    case 'APPLICATION':
      return ofApplication ? {} : undefined
    case 'TASK':
      return ofTask ? { Task } : undefined
    case 'OPERATOR':
      return operator === undefined ? undefined : { Task, Operator: operator }
    case 'PARALLELISM':
      return {
        Task,
        ...(operator === undefined ? {} : { Operator: operator }),
        Parallelism: String(subtask),
        ...(shard === undefined ? {} : { ShardId: shard }),
      }
  }
}

function combined(values: readonly number[], combination: Combination): number {
  switch (combination) {
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0)
    case 'mean':
      return values.reduce((sum, value) => sum + value, 0) / values.length
    case 'min':
      return Math.min(...values)
    case 'max':
      return Math.max(...values)
  }
}
