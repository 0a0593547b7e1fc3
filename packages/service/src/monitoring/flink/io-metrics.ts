import type { FlinkJob } from './flink-job.ts'

/** Metrics by name. */
export type Figures = Readonly<Record<string, number | null>>

/** The figures of one subtask; empty when the job didn't tell any. */
export type SubtaskFigures = (task: number, subtask: number) => Figures

/** What the job tells of its subtasks now. */
export async function subtaskFigures({ inspection }: FlinkJob): Promise<SubtaskFigures> {
  const { tasks = [] } = (await inspection.metrics()) ?? {}
  const byKey = new Map(tasks.map(({ task, subtask, values }) => [`${task}/${subtask}`, values]))
  return (task, subtask) => byKey.get(`${task}/${subtask}`) ?? {}
}

/** Flink's `metrics` of a vertex or a subtask. `…-complete` is false when some subtask didn't tell. */
export function ioMetricsOf(subtasks: readonly Figures[]) {
  const sum = (name: string): number => subtasks.reduce((total, figures) => total + (figures[name] ?? 0), 0)
  const complete = (name: string): boolean => subtasks.every((figures) => typeof figures[name] === 'number')
  return {
    'read-bytes': sum('numBytesIn'),
    'read-bytes-complete': complete('numBytesIn'),
    'write-bytes': sum('numBytesOut'),
    'write-bytes-complete': complete('numBytesOut'),
    'read-records': sum('numRecordsIn'),
    'read-records-complete': complete('numRecordsIn'),
    'write-records': sum('numRecordsOut'),
    'write-records-complete': complete('numRecordsOut'),
    'accumulated-backpressured-time': Math.round(sum('accumulateBackPressuredTimeMs')),
    'accumulated-idle-time': Math.round(sum('accumulateIdleTimeMs')),
    'accumulated-busy-time': Math.round(sum('accumulateBusyTimeMs')),
  }
}
