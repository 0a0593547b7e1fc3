/** Counts something; bumped in the hot path, so a plain field. */
export interface Counter {
  value: number
}

/** Metrics of one scope (an operator in a subtask). Names are Flink's where Flink has one (`numRecordsIn`, …). */
export interface MetricGroup {
  /** The counter of that name, made at first use. */
  counter(name: string): Counter
  /** Registers a value read when metrics are collected; a second registration replaces the first. */
  gauge(name: string, read: () => number | null): void
  /** A group below this one, its name part of the reported path. */
  group(name: string): MetricGroup
  /** Every metric of this group and below, by path (`shardId-000.millisBehindLatest`). */
  collect(): Record<string, number | null>
}

export function createMetricGroup(): MetricGroup {
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, () => number | null>()
  const groups = new Map<string, MetricGroup>()
  const madeOnce = <V>(map: Map<string, V>, name: string, make: () => V): V => {
    const made = map.get(name) ?? make()
    map.set(name, made)
    return made
  }
  return {
    counter: (name) => madeOnce(counters, name, () => ({ value: 0 })),
    gauge: (name, read) => void gauges.set(name, read),
    group: (name) => madeOnce(groups, name, createMetricGroup),
    collect() {
      const all: Record<string, number | null> = {}
      for (const [name, counter] of counters) all[name] = counter.value
      for (const [name, read] of gauges) all[name] = read()
      for (const [name, group] of groups) {
        for (const [path, value] of Object.entries(group.collect())) all[`${name}.${path}`] = value
      }
      return all
    },
  }
}
