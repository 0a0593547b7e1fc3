/** A sample as a scraper reads it. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedText {
  readonly types: ReadonlyMap<string, string>
  readonly helps: ReadonlyMap<string, string>
  readonly samples: readonly ParsedSample[]
}

/**
 * Reads Prometheus's text format by its specification, strictly: names, escapes, HELP and TYPE once and before the samples
 * of their family, families in one piece, no sample twice. Written against the specification, not against the writer.
 */
export function parsePrometheus(text: string): ParsedText {
  const types = new Map<string, string>()
  const helps = new Map<string, string>()
  const samples: ParsedSample[] = []
  const seen = new Set<string>()
  const closed = new Set<string>()
  let family: string | undefined
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line must end')
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line)
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment
      const into = kind === 'HELP' ? helps : types
      if (into.has(name)) throw new Error(`${kind} of ${name} twice`)
      if (kind === 'TYPE' && !/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(line)
      into.set(name, rest)
      if (family !== name && family !== undefined) closed.add(family)
      if (closed.has(name)) throw new Error(`family ${name} in two pieces`)
      family = name
      continue
    }
    const sample = parseSample(line)
    const base = types.has(sample.name) ? sample.name : sample.name.replace(/_(bucket|sum|count)$/, '')
    if (base !== family) throw new Error(`${sample.name} in the family ${family}`)
    if (base !== sample.name && types.get(base) !== 'histogram') throw new Error(`no histogram: ${line}`)
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
    if (seen.has(key)) throw new Error(`twice: ${line}`)
    seen.add(key)
    samples.push(sample)
  }
  return { types, helps, samples }
}

function parseSample(line: string): ParsedSample {
  let at = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0].length ?? 0
  if (at === 0) throw new Error(`no sample: ${line}`)
  const name = line.slice(0, at)
  const labels: Record<string, string> = {}
  if (line[at] === '{') {
    at++
    while (line[at] !== '}') {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(line.slice(at))
      if (label === null) throw new Error(`label at ${at}: ${line}`)
      at += label[0].length
      let value = ''
      for (; line[at] !== '"'; at++) {
        if (at >= line.length) throw new Error(`open label: ${line}`)
        if (line[at] !== '\\') value += line[at]
        else {
          at++
          const plain = { n: '\n', '\\': '\\', '"': '"' }[line[at] ?? '']
          if (plain === undefined) throw new Error(`escape: ${line}`)
          value += plain
        }
      }
      at++
      if (label[1]! in labels) throw new Error(`label twice: ${line}`)
      labels[label[1]!] = value
      if (line[at] === ',') at++
      else if (line[at] !== '}') throw new Error(`behind a label: ${line}`)
    }
    at++
  }
  const number = /^ ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/.exec(line.slice(at))?.[1]
  if (number === undefined) throw new Error(`number: ${line}`)
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) }
}
