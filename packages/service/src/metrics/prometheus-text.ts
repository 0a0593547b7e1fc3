/** A family of Prometheus samples: one name, one meaning. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly PrometheusSample[]
}

export interface PrometheusSample {
  /** Behind the family's name, as `_bucket` of a histogram. */
  readonly suffix?: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The families in Prometheus's text format, version 0.0.4. Families of one name are joined: it must stand there once. */
export function prometheusText(families: Iterable<MetricFamily>): string {
  const byName = new Map<string, { first: MetricFamily; lines: string[] }>()
  for (const family of families) {
    const known = byName.get(family.name) ?? { first: family, lines: [] }
    byName.set(family.name, known)
    for (const sample of family.samples) known.lines.push(sampleLine(family.name, sample))
  }
  const blocks = [...byName.values()].flatMap(({ first: { name, help, type }, lines }) =>
    lines.length === 0 ? [] : [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines],
  )
  return blocks.length === 0 ? '' : `${blocks.join('\n')}\n`
}

function sampleLine(name: string, { suffix = '', labels, value }: PrometheusSample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

/** `numRecordsInPerSecond` → `num_records_in_per_second`, `KPUs` → `kpus`. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .replace(/kp_us/, 'kpus')
}

/** Any text as a part of a metric's name. */
export function nameText(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_')
}
