import { parentPort, workerData } from 'node:worker_threads'
import { holdProcess, systemClock } from '../packages/engine/src/common/clock.ts'
import { Doorbell } from '../packages/engine/src/runtime/exchange/doorbell.ts'
import { InputGate } from '../packages/engine/src/runtime/exchange/input-gate.ts'
import { createLocalChannel } from '../packages/engine/src/runtime/exchange/local-channel.ts'
import { PartitionedOutput } from '../packages/engine/src/runtime/exchange/partitioned-output.ts'
import { globalPartitioner, hashPartitioner } from '../packages/engine/src/runtime/exchange/partitioner.ts'
import { type LinkMemory, LinkReceiver, LinkSender } from '../packages/engine/src/runtime/exchange/thread-link.ts'

/** What a thread of the exchange bench is to do. */
export type ExchangeTask =
  /** Sends records as fast as the consumer takes them; `both` in one thread, through a plain queue. */
  | { readonly kind: 'throughput'; readonly role: 'produce' | 'consume' | 'both'; readonly records: number }
  /** One of two subtasks that shuffle by key at a steady rate each. */
  | {
      readonly kind: 'latency'
      readonly recordsPerSecond: number
      readonly seconds: number
      readonly warmUpSeconds: number
    }

/** One entry a record: from the moment it was due at its source, and from the moment it was emitted, until it was read. */
export interface ShuffleLatencies {
  readonly sinceDueMs: readonly number[]
  readonly sinceEmittedMs: readonly number[]
}

export interface ExchangeThread {
  readonly me: 0 | 1
  readonly doorbells: SharedArrayBuffer
  readonly outgoing: LinkMemory
  readonly incoming: LinkMemory
  readonly task: ExchangeTask
}

const { me, doorbells, outgoing, incoming, task } = workerData as ExchangeThread
const bell = new Doorbell(doorbells, me)
const otherBell = new Doorbell(doorbells, 1 - me)
const sender = new LinkSender(outgoing, () => otherBell.ring())
const receiver = new LinkReceiver(incoming, () => otherBell.ring())
const local = createLocalChannel()

/** Monotonic milliseconds on the same scale in every thread. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

function transaction(i: number, timestampMs = 1_700_000_000_000 + i) {
  return {
    id: `tx-${((i * 2654435761) >>> 0).toString(16).padStart(8, '0')}-${i}`,
    card: `card-${String(i % 10_000).padStart(6, '0')}`,
    merchant: `m-${i % 500}`,
    amountCents: (i * 7919) % 90_000,
    timestampMs,
    lat: 50 + (i % 1000) / 1000,
    lon: 8 + (i % 999) / 999,
  }
}
type Transaction = ReturnType<typeof transaction>

async function produce(records: number, output: PartitionedOutput, also: () => void): Promise<void> {
  const pool = Array.from({ length: 8192 }, (_, i) => transaction(i))
  for (let sent = 0; sent < records; ) {
    const seen = bell.sample()
    let progress = sender.pump()
    while (sent < records && output.hasCredit()) {
      progress = true
      const end = Math.min(sent + 512, records)
      for (; sent < end; sent++) output.emit(pool[sent & 8191], sent)
    }
    also()
    if (!progress) await bell.wait(seen, 1000)
  }
  output.emitControl({ kind: 'end' })
  while (sender.hasQueued()) if (!sender.pump()) await bell.wait(bell.sample(), 1)
}

/** Takes what has come; undefined at the end. */
function consume(gate: InputGate, take: (value: unknown, timestampMs: number) => void): boolean | undefined {
  let progress = false
  for (let event = gate.poll(); event !== undefined; event = gate.poll()) {
    progress = true
    if (event.kind === 'end') return undefined
    if (event.kind !== 'batch') continue
    const { batch } = event
    for (let i = 0; i < batch.length; i++) take(batch.valueAt(i), batch.timestampAt(i))
  }
  return progress
}

async function throughput(role: 'produce' | 'consume' | 'both', records: number): Promise<unknown> {
  const [writer, reader] = role === 'both' ? [local.writer, local.reader] : [sender.channel(0), receiver.channel(0)]
  const output = new PartitionedOutput({ channels: [writer], partitioner: globalPartitioner })
  const gate = new InputGate({ channels: [{ reader, input: 0 }], mode: 'exactly-once', clock: systemClock })
  let count = 0
  let cents = 0
  const take = (value: unknown): void => {
    count++
    cents += (value as Transaction).amountCents
  }
  if (role !== 'consume') await produce(records, output, () => role === 'both' && consume(gate, take))
  for (let open = role !== 'produce'; open; ) {
    const seen = bell.sample()
    let progress = receiver.pump()
    const read = consume(gate, take)
    if (read === undefined) open = false
    else if (read) progress = true
    if (open && !progress) await bell.wait(seen, 1000)
  }
  return { count, cents }
}

async function latency(recordsPerSecond: number, seconds: number, warmUpSeconds: number): Promise<ShuffleLatencies> {
  const remote = sender.channel(0)
  const output = new PartitionedOutput({
    channels: me === 0 ? [local.writer, remote] : [remote, local.writer],
    partitioner: hashPartitioner({
      keySelector: (record: Transaction) => record.card,
      maxParallelism: 256,
      parallelism: 2,
      operator: 'latency',
    }),
  })
  const gate = new InputGate({
    channels: [local.reader, receiver.channel(0)].map((reader) => ({ reader, input: 0 })),
    mode: 'exactly-once',
    clock: systemClock,
  })
  const sinceDueMs: number[] = []
  const sinceEmittedMs: number[] = []
  const startMs = nowMs()
  let timer: NodeJS.Timeout | undefined
  let readMs = 0
  // The timestamp is the moment at which the record was due, so that a late source counts as latency.
  const take = (value: unknown, dueMs: number): void => {
    if (dueMs - startMs < warmUpSeconds * 1000) return
    sinceDueMs.push(readMs - dueMs)
    sinceEmittedMs.push(readMs - (value as Transaction).timestampMs)
  }
  for (let sent = 0; ; ) {
    const seen = bell.sample()
    sender.pump()
    let progress = receiver.pump()
    const emittedMs = nowMs()
    const due = Math.min(Math.floor(((emittedMs - startMs) / 1000) * recordsPerSecond), recordsPerSecond * seconds)
    for (; sent < due && output.hasCredit(); sent++) {
      progress = true
      output.emit(transaction(sent, emittedMs), startMs + (sent / recordsPerSecond) * 1000)
    }
    output.flush()
    if (sent === recordsPerSecond * seconds) {
      output.emitControl({ kind: 'end' })
      sent++
    }
    readMs = nowMs()
    const read = consume(gate, take)
    if (read === undefined) break
    if (progress || read) continue
    timer ??= setTimeout(() => {
      timer = undefined
      bell.ring()
    }, 1)
    await bell.wait(seen, 1000)
  }
  clearTimeout(timer)
  return { sinceDueMs, sinceEmittedMs }
}

parentPort?.once('message', async () => {
  const hold = holdProcess()
  const result =
    task.kind === 'throughput'
      ? await throughput(task.role, task.records)
      : await latency(task.recordsPerSecond, task.seconds, task.warmUpSeconds)
  hold.cancel()
  parentPort?.postMessage(result)
})
parentPort?.postMessage('ready')
