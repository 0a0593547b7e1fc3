import { requestedJob, requestedVertex } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import { type Figures, subtaskFigures } from './io-metrics.ts'

type Level = 'ok' | 'low' | 'high'

/** `/jobs/:jobid/vertices/:vertexid/backpressure`: how its subtasks spend their time. */
export const backPressure: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const { task, details } = requestedVertex(job, request)
  const figures = await subtaskFigures(job)
  const subtasks = details.subtasks.map(({ subtask, attempt }) => ({
    subtask,
    'attempt-number': attempt - 1,
    ...ratios(figures(task, subtask)),
  }))
  const level = levelOf(Math.max(0, ...subtasks.map(({ ratio }) => ratio)))
  return {
    json: {
      status: 'ok',
      // Clients of different ages read the one or the other.
      backpressureLevel: level,
      'backpressure-level': level,
      'end-timestamp': job.nowMs,
      subtasks,
    },
  }
}

function ratios(figures: Figures) {
  const ratioOf = (name: string): number => Math.min(1, Math.max(0, (figures[name] ?? 0) / 1000))
  const ratio = ratioOf('backPressuredTimeMsPerSecond')
  return {
    backpressureLevel: levelOf(ratio),
    'backpressure-level': levelOf(ratio),
    ratio,
    idleRatio: ratioOf('idleTimeMsPerSecond'),
    busyRatio: ratioOf('busyTimeMsPerSecond'),
  }
}

/** Flink's bounds. */
function levelOf(ratio: number): Level {
  if (ratio <= 0.1) return 'ok'
  return ratio <= 0.5 ? 'low' : 'high'
}
