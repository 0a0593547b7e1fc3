import { createHash } from 'node:crypto'
import type { CheckpointEntry } from '@millrace/engine/host'
import { describeCheckpoint, noCheckpoints } from './checkpoints.ts'
import { stackText } from './exceptions.ts'
import { type FlinkJob, newestJob } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import { Html, html } from './html.ts'
import { type Figures, ioMetricsOf, subtaskFigures } from './io-metrics.ts'
import { vertexTimes } from './vertex-times.ts'

const style = `
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { border-bottom: 1px solid #d7dce1; padding: .3rem .6rem; text-align: left; vertical-align: top }
pre { background: #f5f6f8; padding: .6rem; overflow-x: auto; white-space: pre-wrap; margin: 0 }
.number { text-align: right; font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) {
  body { background: #16191d; color: #dfe3e8 } pre { background: #22262b } th, td { border-color: #363c43 } a { color: #7ab7ff }
}`

const styleHash = createHash('sha256').update(style).digest('base64')

/** Nothing but this page's own style: no scripts, no forms, no requests to anywhere. */
const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** `/`: the application's job on one page, with links to the JSON behind it. */
export const indexPage: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${request.application.name}</title>
<style>${new Html(style)}</style>
</head>
<body>
<h1>${request.application.name}</h1>
<p>The application is ${request.application.status}, version ${request.application.versionId}.</p>
${job === undefined ? html`<p>No job has run since the service was started.</p>` : await jobSections(job)}
<h2>As JSON</h2>
<p>${links(['overview', 'config', 'jobs', 'jobs/overview', 'taskmanagers', 'jobmanager/config', 'jobmanager/logs'])}</p>
</body>
</html>
`
  const headers = { 'content-security-policy': contentSecurityPolicy, 'referrer-policy': 'no-referrer' }
  return { text: page.text, contentType: 'text/html; charset=utf-8', headers }
}

async function jobSections(job: FlinkJob): Promise<Html> {
  const [figures, report = noCheckpoints] = await Promise.all([subtaskFigures(job), job.inspection.checkpoints()])
  const { id, state, startMs, durationMs, vertices, exceptions } = job
  const own = ['', '/plan', '/config', '/exceptions', '/metrics', '/checkpoints', '/checkpoints/config']
  return html`<h2>Job ${job.name}</h2>
<p>${state} since ${time(startMs)}, ${Math.round(durationMs / 1000)} s, ${job.details?.restarts ?? 0} restarts.</p>
<p>${links(own.map((path) => `jobs/${id}${path}`))}</p>
<h2>Tasks</h2>
${table(
  ['Task', 'State', 'Parallelism', 'Records in', 'Records out', 'Busy', 'Back pressure', 'Watermark', ''],
  vertices.map((vertex) => {
    const { node, task, details } = vertex
    const values = details.subtasks.map(({ subtask }) => figures(task, subtask))
    const io = ioMetricsOf(values)
    return [
      details.name,
      vertexTimes(vertex, job.nowMs).state,
      details.parallelism,
      io['read-records-complete'] ? io['read-records'] : '',
      io['write-records-complete'] ? io['write-records'] : '',
      percent(values, 'busyTimeMsPerSecond'),
      percent(values, 'backPressuredTimeMsPerSecond'),
      watermark(values),
      links(
        [`jobs/${id}/vertices/${node.id}`, `jobs/${id}/vertices/${node.id}/backpressure`],
        ['details', 'back pressure'],
      ),
    ]
  }),
)}
<h2>Checkpoints</h2>
<p>${report.counts.completed} completed, ${report.counts.failed} failed, ${report.counts.inProgress} under way.</p>
${table(
  ['Number', 'Kind', 'Status', 'Triggered', 'Duration, ms', 'Size, bytes', 'Failure', ''],
  report.history.map((entry) => checkpointRow(entry, id)),
)}
<h2>Exceptions</h2>
${table(
  ['When', 'Task', 'Exception'],
  exceptions.map(({ timestampMs, task, error }) => [
    time(timestampMs),
    task ?? '',
    html`<pre>${stackText(error)}</pre>`,
  ]),
)}`
}

function checkpointRow(entry: CheckpointEntry, jobId: string): Cell[] {
  const { checkpoint_type: kind, end_to_end_duration: duration, state_size: size } = describeCheckpoint(entry)
  const { id, status, triggeredMs, failure } = entry
  const details = links([`jobs/${jobId}/checkpoints/details/${id}`], ['details'])
  return [id, kind, status, time(triggeredMs), duration, size, failure?.message ?? '', details]
}

type Cell = string | number | Html

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  if (rows.length === 0) return html`<p>None.</p>`
  const cell = (value: Cell): Html =>
    typeof value === 'number' ? html`<td class="number">${value}</td>` : html`<td>${value}</td>`
  return html`<table>
<tr>${heads.map((head) => html`<th>${head}</th>`)}</tr>
${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</table>`
}

function links(paths: readonly string[], names: readonly string[] = paths): Html {
  return html`${paths.map((path, i) => html`<a href="${path}">${names[i] ?? path}</a> `)}`
}

function time(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** The share of time of the subtask with the most of it. */
function percent(values: readonly Figures[], name: string): string {
  const known = values.flatMap((figures) => figures[name] ?? [])
  return known.length === 0 ? '' : `${Math.round(Math.max(...known) / 10)} %`
}

/** The lowest of the subtasks'. */
function watermark(values: readonly Figures[]): string {
  const known = values.flatMap((figures) => figures['currentInputWatermark'] ?? [])
  const lowest = Math.min(...known)
  return known.length > 0 && Math.abs(lowest) <= 8.64e15 ? time(lowest) : ''
}
