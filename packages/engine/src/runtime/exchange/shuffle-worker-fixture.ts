import { parentPort, workerData } from 'node:worker_threads'
import { holdProcess, systemClock } from '../../common/clock.ts'
import { MAX_TIMESTAMP } from '../../spi/batch.ts'
import { Doorbell } from './doorbell.ts'
import { InputGate } from './input-gate.ts'
import { createLocalChannel } from './local-channel.ts'
import { PartitionedOutput } from './partitioned-output.ts'
import { hashPartitioner } from './partitioner.ts'
import { type LinkMemory, LinkReceiver, LinkSender } from './thread-link.ts'

/** What the thread is told: two of these run side by side and send each other half of their records. */
export interface ShuffleTask {
  readonly me: 0 | 1
  readonly doorbells: SharedArrayBuffer
  readonly outgoing: LinkMemory
  readonly incoming: LinkMemory
  readonly records: number
  readonly recordsPerBarrier: number
}

/** What it found: `problems` are records out of order, on the wrong side of a barrier, or at the wrong subtask. */
export interface ShuffleResult {
  readonly received: readonly [number, number]
  readonly snapshots: readonly number[]
  readonly watermarks: readonly number[]
  readonly problems: readonly string[]
}

interface Row {
  readonly from: 0 | 1
  readonly sequence: number
  readonly key: string
  readonly note: string | null
}

const task = workerData as ShuffleTask
const other = 1 - task.me
const bell = new Doorbell(task.doorbells, task.me)
const otherBell = new Doorbell(task.doorbells, other)
const sender = new LinkSender(task.outgoing, () => otherBell.ring())
const receiver = new LinkReceiver(task.incoming, () => otherBell.ring())
const local = createLocalChannel()

const output = new PartitionedOutput({
  channels: task.me === 0 ? [local.writer, sender.channel(0)] : [sender.channel(0), local.writer],
  partitioner: hashPartitioner({
    keySelector: (row: Row) => row.key,
    maxParallelism: 256,
    parallelism: 2,
    operator: 'shuffle',
  }),
  batchSize: 64,
})
const gate = new InputGate({
  channels: [local.reader, receiver.channel(0)].map((reader) => ({ reader, input: 0 })),
  mode: 'exactly-once',
  clock: systemClock,
})

const received: [number, number] = [0, 0]
const lastSequence: [number, number] = [-1, -1]
const snapshots: number[] = []
const watermarks: number[] = []
const problems: string[] = []
const keyOwner = hashPartitioner({
  keySelector: (key) => key,
  maxParallelism: 256,
  parallelism: 2,
  operator: 'check',
})

let emitted = 0

/** Emits a hundred records, barriers at their places, and the end once. */
function emitSome(): boolean {
  if (emitted > task.records || !output.hasCredit()) return false
  for (let i = 0; i < 100 && emitted < task.records; i++) {
    const sequence = emitted++
    const note = sequence % 7 === 0 ? null : `note ${sequence}`
    output.emit({ from: task.me, sequence, key: `key-${(sequence * 31) % 977}`, note } satisfies Row, sequence)
    if (emitted % task.recordsPerBarrier === 0) {
      output.emitControl({ kind: 'watermark', timestampMs: sequence })
      const checkpointId = emitted / task.recordsPerBarrier
      output.emitControl({
        kind: 'barrier',
        barrier: { checkpointId, kind: 'checkpoint', timestampMs: 0, stop: 'none' },
      })
    }
  }
  if (emitted === task.records) {
    output.emitControl({ kind: 'watermark', timestampMs: MAX_TIMESTAMP })
    output.emitControl({ kind: 'end' })
    emitted++
  }
  return true
}

function take({ from, sequence, key, note }: Row): void {
  received[from]++
  if (sequence <= lastSequence[from]) problems.push(`record ${sequence} of ${from} came after ${lastSequence[from]}`)
  lastSequence[from] = sequence
  if (sequence < snapshots.length * task.recordsPerBarrier) problems.push(`record ${sequence} came behind its barrier`)
  if (keyOwner.channelFor(key) !== task.me) problems.push(`${key} came to ${task.me}`)
  if (note !== (sequence % 7 === 0 ? null : `note ${sequence}`)) problems.push(`record ${sequence} says ${note}`)
}

/** Answers whether anything came, or undefined at the end. */
function readAll(): boolean | undefined {
  let progress = false
  for (let event = gate.poll(); event !== undefined; event = gate.poll()) {
    progress = true
    if (event.kind === 'batch') for (let i = 0; i < event.batch.length; i++) take(event.batch.valueAt(i) as Row)
    else if (event.kind === 'watermark') watermarks.push(event.timestampMs)
    else if (event.kind === 'end') return undefined
    else if (event.kind === 'barrier') {
      const { checkpointId } = event.barrier
      snapshots.push(checkpointId)
      const limit = checkpointId * task.recordsPerBarrier
      if (Math.max(...lastSequence) >= limit)
        problems.push(`snapshot ${checkpointId} holds a record behind its barrier`)
    } else problems.push(`${event.kind} came from nowhere`)
  }
  return progress
}

const hold = holdProcess()
for (;;) {
  const seen = bell.sample()
  let progress = sender.pump()
  if (receiver.pump()) progress = true
  if (emitSome()) progress = true
  const read = readAll()
  if (read === undefined) break
  if (!(progress || read)) await bell.wait(seen, 60_000)
}
while (sender.hasQueued()) {
  const seen = bell.sample()
  if (!sender.pump()) await bell.wait(seen, 60_000)
}
hold.cancel()
parentPort?.postMessage({ received, snapshots, watermarks, problems } satisfies ShuffleResult)
