import type { JobMetrics } from './job-metrics.ts'
import type { MetricDimensions, MetricPoint } from './metric-point.ts'
import { declarationOf, metricTable } from './metric-table.ts'
import { type MetricFamily, nameText, snakeCase } from './prometheus-text.ts'

/**
 * An application's newest figures as Prometheus has them: each level under a name of ours, and under the names that Flink's
 * own reporter gives them: the job's always, those of subtasks when the application keeps level PARALLELISM.
 */
export function applicationFamilies(points: readonly MetricPoint[], answer: JobMetrics | undefined): MetricFamily[] {
  return [...points.map(ownFamily), ...(answer === undefined ? [] : flinkFamilies(answer))]
}

/** The name of a metric at a level: `millrace_task_busy_time_ms_per_second`. */
export function ownName(name: string, level: MetricPoint['level']): string {
  return `millrace_${level === 'PARALLELISM' ? 'subtask' : level.toLowerCase()}_${snakeCase(name)}`
}

function ownFamily({ name, level, dimensions, value }: MetricPoint): MetricFamily {
  const declaration = declarationOf(name)
  return {
    name: ownName(name, level),
    help: declaration?.help ?? name,
    type: declaration?.isTotal === true ? 'counter' : 'gauge',
    samples: [{ labels: labelsOf(dimensions), value }],
  }
}

function labelsOf({ Application, Task, Operator, Parallelism, ShardId }: MetricDimensions): Record<string, string> {
  return {
    application: Application,
    ...(Task === undefined ? {} : { task: Task }),
    ...(Operator === undefined ? {} : { operator: Operator }),
    ...(Parallelism === undefined ? {} : { subtask: Parallelism }),
    ...(ShardId === undefined ? {} : { shard: ShardId }),
  }
}

const totals = new Set(metricTable.filter(({ isTotal }) => isTotal).map(({ name }) => name))

function flinkFamilies({ applicationName, level, event }: JobMetrics): MetricFamily[] {
  const job = { job_name: applicationName }
  const ofJob = entries(event.job).map(([name, value]) => flinkFamily('jobmanager_job', name, job, value))
  if (level !== 'PARALLELISM') return ofJob
  const names = new Map(event.tasks.map(({ task, taskName }) => [task, taskName]))
  const ofTasks = event.tasks.flatMap(({ taskName, subtask, values }) => {
    const labels = { ...job, task_name: taskName, subtask_index: String(subtask) }
    return entries(values).map(([name, value]) => flinkFamily('taskmanager_job_task', name, labels, value))
  })
  const ofOperators = event.operators.flatMap(({ task, subtask, operatorId, operatorName, values }) => {
    const labels = {
      ...job,
      task_name: names.get(task) ?? '',
      operator_name: operatorName,
      operator_id: operatorId,
      subtask_index: String(subtask),
    }
    return entries(values).map(([path, value]) => {
      const { name, groups } = splitPath(path)
      return flinkFamily('taskmanager_job_task_operator', name, { ...labels, ...groups }, value)
    })
  })
  return [...ofJob, ...ofTasks, ...ofOperators]
}

function entries(values: Readonly<Record<string, number | null>>): [string, number][] {
  return Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null)
}

function flinkFamily(scope: string, name: string, labels: Record<string, string>, value: number): MetricFamily {
  return {
    name: `flink_${scope}_${nameText(name)}`,
    help: declarationOf(name.split('_').at(-1) ?? name)?.help ?? name,
    type: totals.has(name) ? 'counter' : 'gauge',
    samples: [{ labels, value }],
  }
}

const shardPath = /^KinesisStreamSource\.accountId\.(\d+)\.region\.([^.]+)\.stream\.(.+)\.shardId\.([^.]+)\.(\w+)$/

/** Flink's reporter makes labels of groups that are a name and a value. */
function splitPath(path: string): { name: string; groups: Record<string, string> } {
  const [, accountId, region, stream, shardId, name] = shardPath.exec(path) ?? []
  if (accountId === undefined || region === undefined || stream === undefined || shardId === undefined) {
    return { name: path, groups: {} }
  }
  return { name: `KinesisStreamSource_${name ?? ''}`, groups: { accountId, region, stream, shardId } }
}
