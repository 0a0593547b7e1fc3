import type { LoopLag } from '@millrace/engine/spi'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import type { SubscriptionTable } from '../ingest/subscription-table.ts'
import type { ApplicationCounts } from './metrics-collector.ts'
import type { MetricFamily, PrometheusSample } from './prometheus-text.ts'

const family = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  samples: readonly PrometheusSample[],
): MetricFamily => ({ name, help, type, samples })

const one = (value: number): PrometheusSample[] => [{ labels: {}, value }]

/** The streams of a node and who reads them. */
export function streamFamilies(
  registry: StreamRegistry,
  subscriptions: Pick<SubscriptionTable, 'liveCount'>,
): MetricFamily[] {
  const shards = registry
    .names()
    .flatMap((name) =>
      (registry.get(name)?.shards ?? []).map(({ id, log }) => ({ labels: { stream: name, shard: id }, log })),
    )
  return [
    family(
      'counter',
      'millrace_stream_shard_records_total',
      'Records that a shard was given since the service started.',
      shards.map(({ labels, log }) => ({ labels, value: log.appended.records })),
    ),
    family(
      'counter',
      'millrace_stream_shard_bytes_total',
      'Bytes that were stored for them.',
      shards.map(({ labels, log }) => ({ labels, value: log.appended.bytes })),
    ),
    family(
      'gauge',
      'millrace_stream_shard_size_bytes',
      'Bytes of a shard on disk.',
      shards.map(({ labels, log }) => ({ labels, value: log.sizeBytes })),
    ),
    family('gauge', 'millrace_stream_subscriptions', 'Live SubscribeToShard streams.', one(subscriptions.liveCount)),
  ]
}

/** This process. */
export function processFamilies(lag: Pick<LoopLag, 'worstMs'>): MetricFamily[] {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const memory = Object.entries({ resident: rss, heap_used: heapUsed, heap_total: heapTotal, external })
  return [
    family('counter', 'millrace_process_cpu_seconds_total', 'CPU time of the service.', one((user + system) / 1e6)),
    family(
      'gauge',
      'millrace_process_memory_bytes',
      'Memory of the service, without its jobs.',
      memory.map(([kind, value]) => ({ labels: { kind }, value })),
    ),
    family('gauge', 'millrace_process_event_loop_lag_seconds', 'Worst of the last 10 s.', one(lag.worstMs / 1000)),
  ]
}

/** What the applications of a node are at. */
export function countFamilies({ byStatus, operationsInProgress }: ApplicationCounts): MetricFamily[] {
  const samples = (counts: ReadonlyMap<string, number>, label: string): PrometheusSample[] =>
    [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }))
  return [
    family('gauge', 'millrace_applications', 'Applications by status.', samples(byStatus, 'status')),
    family(
      'gauge',
      'millrace_operations_in_progress',
      'Operations of applications that are being carried out.',
      samples(operationsInProgress, 'operation'),
    ),
  ]
}
