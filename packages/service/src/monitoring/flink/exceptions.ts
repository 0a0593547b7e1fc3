import type { ExceptionEntry } from '@millrace/engine/host'
import type { SerializedError } from '@millrace/engine/spi'
import { badRequest } from './flink-error.ts'
import { type FlinkJob, requestedJob } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import { host, taskManagerId } from './task-manager.ts'

/** `/jobs/:jobid/exceptions?maxExceptions=`: what ended attempts, the newest first. */
export const exceptions: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const asked = request.query.get('maxExceptions') ?? '20'
  if (!/^\d{1,9}$/.test(asked))
    throw badRequest(`Cannot resolve query parameter (maxExceptions) from value "${asked}".`)
  const shown = job.exceptions.slice(0, Number(asked))
  const truncated = shown.length < job.exceptions.length || job.details?.exceptionsTruncated === true
  const entries = shown.map((entry) => describe(job, entry))
  const [newest] = entries
  return {
    json: {
      'root-exception': newest?.stacktrace ?? null,
      timestamp: newest?.timestamp ?? null,
      'all-exceptions': entries.flatMap(({ stacktrace, taskName, timestamp }) =>
        taskName === null ? [] : [{ exception: stacktrace, task: taskName, location: host, timestamp }],
      ),
      truncated,
      exceptionHistory: { entries, truncated },
    },
  }
}

function describe(job: FlinkJob, { timestampMs, task, subtask, error }: ExceptionEntry) {
  const parallelism = job.vertices.find(({ details }) => details.name === task)?.details.parallelism
  const place = subtask === null ? '' : ` (${subtask + 1}/${parallelism ?? '?'})`
  const inTask = task === null ? {} : { location: host, endpoint: host, taskManagerId: taskManagerId(job) }
  return {
    exceptionName: error.code,
    stacktrace: stackText(error),
    timestamp: timestampMs,
    failureLabels: { kind: error.kind },
    taskName: task === null ? null : `${task}${place}`,
    ...inTask,
    concurrentExceptions: [],
  }
}

/** Message, hint, stack and causes, as a person reads them. */
export function stackText(error: SerializedError): string {
  const { code, message, hint, stack, cause } = error
  const lines = [`${code}: ${message}`]
  if (hint !== undefined) lines.push(`Hint: ${hint}`)
  // The first line of a stack repeats the message.
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  lines.push(...frames)
  if (cause !== undefined) lines.push(`Caused by: ${stackText(cause)}`)
  return lines.join('\n')
}
