import { ownName } from './application-families.ts'
import { type MetricDeclaration, metricTable } from './metric-table.ts'

/** The rows of the table in docs/reference/metrics.md: name, names in Prometheus, unit, levels, meaning. */
export function metricRows(): string[] {
  return metricTable.map((declaration) => {
    const { name, unit, levels, help } = declaration
    const own = levels.map((level) => `\`${ownName(name, level)}\``)
    const prometheus = [own[0], flinkName(declaration)].filter((text) => text !== undefined).join(', ')
    return `| \`${name}\` | ${prometheus} | ${unit} | ${levels.map((level) => level[0]).join(' ')} | ${help} |`
  })
}

/** What Flink's own Prometheus reporter calls it; undefined for what Flink doesn't have. */
function flinkName({ name, from }: MetricDeclaration): string | undefined {
  if (name === 'millisBehindLatest') {
    return '`flink_taskmanager_job_task_operator_KinesisStreamSource_millisBehindLatest`'
  }
  if (from === 'job' || name === 'fullRestarts' || name === 'downtime') return `\`flink_jobmanager_job_${name}\``
  if (from === 'task') return `\`flink_taskmanager_job_task_${name}\``
  return from === 'operator' ? `\`flink_taskmanager_job_task_operator_${name}\`` : undefined
}
