import { isDeepStrictEqual } from 'node:util'
import { InputGate } from '../runtime/exchange/input-gate.ts'
import { createLocalChannel } from '../runtime/exchange/local-channel.ts'
import { PartitionedOutput } from '../runtime/exchange/partitioned-output.ts'
import type { Operator, OperatorContext } from '../runtime/operators/operator.ts'
import type { SnapshotContents } from '../runtime/state/snapshot-file.ts'
import { OperatorChain } from '../runtime/task/operator-chain.ts'
import { Subtask } from '../runtime/task/subtask.ts'
import { SweepQueue } from '../runtime/task/sweep-queue.ts'
import type { TaskDescription } from '../runtime/task/task-description.ts'
import { MAX_TIMESTAMP, MIN_TIMESTAMP, ObjectBatch } from '../spi/batch.ts'
import { keyGroupForKey, subtaskForKeyGroup } from '../types/key-group.ts'
import { type EmittedRecord, operatorHarness, snapshotFile } from './operator-harness.ts'
import { VirtualTime } from './virtual-time.ts'

/** What reaches an operator, in order. */
export type TraceElement =
  | { readonly kind: 'record'; readonly value: unknown; readonly timestampMs: number }
  | { readonly kind: 'watermark'; readonly timestampMs: number }
  /** The wall clock now stands at `nowMs`; the machine starts at 0. */
  | { readonly kind: 'clock'; readonly nowMs: number }
  | { readonly kind: 'end' }

export const record = (value: unknown, timestampMs: number): TraceElement => ({ kind: 'record', value, timestampMs })
export const watermark = (timestampMs: number): TraceElement => ({ kind: 'watermark', timestampMs })
export const clockAt = (nowMs: number): TraceElement => ({ kind: 'clock', nowMs })
/** The end of a bounded input: event time ends, then the operator finishes. */
export const endOfInput: TraceElement = { kind: 'end' }
export const emitted = (value: unknown, timestampMs: number): EmittedRecord => ({ value, timestampMs })

export interface OperatorTrace {
  readonly input: readonly TraceElement[]
  readonly output: readonly EmittedRecord[]
  /** By tag; a tag that isn't named is not looked at. */
  readonly sideOutputs?: Readonly<Record<string, readonly EmittedRecord[]>>
  /** For an operator of a keyed stream: it is then also restored at other parallelism. */
  readonly keyOf?: (value: any) => unknown
}

const MAX_PARALLELISM = 16
/** The operator is spread over these in turn when it is restored. */
const PARALLELISMS = [1, 2, 3, 1, 4]

/**
 * Runs an operator in every way the runtime may run it, and compares each with the trace:
 *
 * - one by one: a batch for each record,
 * - as one batch: all records between two other elements,
 * - restored between every two elements from a snapshot file, event time told again before the next record (after a
 *   restore it is unknown until sources speak), and the same at changing parallelism for a keyed one, in any order,
 * - in a subtask whose output is full at every other look.
 *
 * Throws an `Error` that says which run differs and how.
 */
export async function verifyOperator(
  create: (context: OperatorContext) => Operator,
  trace: OperatorTrace,
): Promise<void> {
  const { input, keyOf } = trace
  compare('one by one', await runAlone(create, input, true), trace)
  compare('as one batch', await runAlone(create, input, false), trace)
  compare('restored between every two elements', await runRestored(create, input, [1], undefined), trace)
  if (keyOf !== undefined) {
    compare('restored at other parallelism', await runRestored(create, input, PARALLELISMS, keyOf), trace, true)
  }
  compare('output full every other call', await runHeldBack(create, trace), trace)
}

interface Outputs {
  readonly main: EmittedRecord[]
  readonly side: Map<string, EmittedRecord[]>
}

async function runAlone(
  create: (context: OperatorContext) => Operator,
  input: readonly TraceElement[],
  oneByOne: boolean,
): Promise<Outputs> {
  const time = new VirtualTime(0)
  const { operator, output, sideOutputs } = operatorHarness(create, { time, maxParallelism: MAX_PARALLELISM })
  await operator.open()
  for (const element of input) {
    if (element.kind === 'record') {
      operator.process(element.value, element.timestampMs)
      if (oneByOne) operator.flush()
      continue
    }
    operator.flush()
    await feed([operator], element, time)
  }
  operator.flush()
  await operator.close()
  return { main: output, side: sideOutputs }
}

/** Everything but records, to all instances. */
async function feed(
  operators: readonly Operator[],
  element: Exclude<TraceElement, { kind: 'record' }>,
  time: VirtualTime,
): Promise<void> {
  if (element.kind === 'clock') await time.advance(element.nowMs - time.now())
  for (const operator of operators) {
    switch (element.kind) {
      case 'watermark':
        operator.advanceWatermark(element.timestampMs)
        break
      case 'clock':
        // A timer fires when the clock is past it (rule TM-11).
        if (operator.nextProcessingTimeMs() < element.nowMs) operator.advanceProcessingTime(element.nowMs - 1)
        break
      case 'end':
        operator.advanceWatermark(MAX_TIMESTAMP)
        operator.finish()
    }
    operator.flush()
  }
}

async function runRestored(
  create: (context: OperatorContext) => Operator,
  input: readonly TraceElement[],
  parallelisms: readonly number[],
  keyOf: ((value: any) => unknown) | undefined,
): Promise<Outputs> {
  const outputs: Outputs = { main: [], side: new Map() }
  const time = new VirtualTime(0)
  let files: readonly SnapshotContents[] | undefined
  let watermarkMs = MIN_TIMESTAMP
  for (const [i, element] of input.entries()) {
    const parallelism = parallelisms[i % parallelisms.length] as number
    const instances = Array.from({ length: parallelism }, (_, subtaskIndex) =>
      operatorHarness(create, {
        time,
        subtaskIndex,
        parallelism,
        maxParallelism: MAX_PARALLELISM,
        ...(files && { restore: files }),
      }),
    )
    for (const { operator } of instances) await operator.open()
    if (element.kind === 'record') {
      const owner = keyOf === undefined ? 0 : ownerOf(keyOf(element.value), parallelism)
      const { operator } = instances[owner] as (typeof instances)[number]
      if (watermarkMs > MIN_TIMESTAMP) operator.advanceWatermark(watermarkMs)
      operator.process(element.value, element.timestampMs)
      operator.flush()
    } else {
      await feed(
        instances.map(({ operator }) => operator),
        element,
        time,
      )
      if (element.kind === 'watermark') watermarkMs = Math.max(watermarkMs, element.timestampMs)
    }
    files = await Promise.all(instances.map(({ operator }) => snapshotFile(operator, i + 1)))
    for (const { operator, output, sideOutputs } of instances) {
      await operator.close()
      outputs.main.push(...output)
      for (const [tag, records] of sideOutputs) {
        outputs.side.set(tag, [...(outputs.side.get(tag) ?? []), ...records])
      }
    }
  }
  return outputs
}

function ownerOf(key: unknown, parallelism: number): number {
  return subtaskForKeyGroup(keyGroupForKey(key, MAX_PARALLELISM), parallelism, MAX_PARALLELISM)
}

/** In a real subtask: the gate is read only while the outputs have credit, which they have at every other look. */
async function runHeldBack(create: (context: OperatorContext) => Operator, trace: OperatorTrace): Promise<Outputs> {
  const time = new VirtualTime(0)
  const tags = [undefined, ...Object.keys(trace.sideOutputs ?? {})]
  const channels = tags.map(() => createLocalChannel())
  let full = false
  const edges = channels.map(
    ({ writer }) =>
      new PartitionedOutput({
        channels: [{ hasCredit: () => !full, allowedRecords: 1, write: (element) => writer.write(element) }],
        partitioner: { channelFor: () => 0 },
      }),
  )
  const task: TaskDescription = {
    index: 0,
    name: 'under test',
    parallelism: 1,
    operators: [
      {
        id: 'operator-under-test',
        name: 'operator under test',
        hasUid: true,
        stateful: true,
        factory: { kind: 'operator', create },
        outputs: tags.map((tag, edge) => ({ tag, to: { kind: 'edge', edge } })),
      },
    ],
  }
  const { context } = operatorHarness(create, { time, maxParallelism: MAX_PARALLELISM })
  const chain = new OperatorChain(
    task,
    new Map(edges.entries()),
    (_operator, outputs) => ({ ...context, ...outputs }),
    (_operator, own) => create(own),
  )
  const input = createLocalChannel({ records: 1_000_000, batches: 1_000_000 })
  const gate = new InputGate({ channels: [{ reader: input.reader, input: 0 }], mode: 'exactly-once', clock: time })
  const sweeps = new SweepQueue()
  const subtask = new Subtask({ task: 0, subtask: 0 }, chain, gate, edges, {
    clock: time,
    post() {},
    sweep: (sweep) => sweeps.start(sweep),
    checkpointTarget: async () => undefined,
  })
  await subtask.open()
  const drain = (): void => {
    for (let idle = 0; idle < 3; full = !full) idle = subtask.step(time.monotonicMs()) === undefined ? idle + 1 : 0
  }
  for (const element of trace.input) {
    if (element.kind === 'clock') {
      drain()
      await time.advance(element.nowMs - time.now())
      drain()
    } else if (element.kind === 'record') {
      input.writer.write({ kind: 'batch', batch: new ObjectBatch([element.value], [element.timestampMs]) })
    } else if (element.kind === 'watermark') {
      input.writer.write(element)
    } else {
      input.writer.write({ kind: 'end' })
    }
  }
  drain()
  await chain.close()
  const received = channels.map(({ reader }) => recordsOf(reader))
  return {
    main: received[0] ?? [],
    side: new Map(tags.slice(1).map((tag, i) => [tag as string, received[i + 1] ?? []])),
  }
}

function recordsOf(reader: ReturnType<typeof createLocalChannel>['reader']): EmittedRecord[] {
  const records: EmittedRecord[] = []
  for (let element = reader.poll(); element !== undefined; element = reader.poll()) {
    if (element.kind !== 'batch') continue
    const { batch } = element
    for (let i = 0; i < batch.length; i++) records.push({ value: batch.valueAt(i), timestampMs: batch.timestampAt(i) })
  }
  return records
}

function compare(run: string, outputs: Outputs, trace: OperatorTrace, anyOrder = false): void {
  compareOne(run, 'output', outputs.main, trace.output, anyOrder)
  for (const [tag, expected] of Object.entries(trace.sideOutputs ?? {})) {
    compareOne(run, `side output '${tag}'`, outputs.side.get(tag) ?? [], expected, anyOrder)
  }
}

function compareOne(
  run: string,
  what: string,
  actual: readonly EmittedRecord[],
  expected: readonly EmittedRecord[],
  anyOrder: boolean,
): void {
  const texts = [actual, expected].map((records) => records.map(({ value, timestampMs }) => textOf(value, timestampMs)))
  const [left, right] = anyOrder ? texts.map((lines) => [...lines].sort()) : texts
  if (isDeepStrictEqual(left, right)) return
  throw new Error(`${run}: the ${what} is\n  ${left?.join('\n  ')}\ninstead of\n  ${right?.join('\n  ')}`)
}

function textOf(value: unknown, timestampMs: number): string {
  return `${typeof value === 'string' ? value : JSON.stringify(value)}@${timestampMs}`
}
