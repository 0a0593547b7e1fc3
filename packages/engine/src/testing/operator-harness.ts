import type { Clock, Scheduler } from '../common/clock.ts'
import { silentLogger } from '../common/logger.ts'
import { seededRandom } from '../common/random.ts'
import type { Operator, OperatorContext, Output, RestoredState } from '../runtime/operators/operator.ts'
import { HeapKeyedStateBackend } from '../runtime/state/heap-keyed-state-backend.ts'
import { readSnapshotFile, redistribute, type SnapshotContents } from '../runtime/state/snapshot-file.ts'
import { SnapshotFileWriter } from '../runtime/state/snapshot-file-writer.ts'
import { createFileSystems } from '../runtime/storage/file-systems.ts'
import { createMetricGroup } from '../spi/metrics.ts'
import type { SnapshotReason } from '../spi/sink.ts'
import { keyGroupRange } from '../types/key-group.ts'
import { VirtualTime } from './virtual-time.ts'

/** A record as an operator emitted it. */
export interface EmittedRecord {
  readonly value: unknown
  readonly timestampMs: number
}

export interface HarnessOptions {
  readonly subtaskIndex?: number
  readonly parallelism?: number
  readonly maxParallelism?: number
  readonly attempt?: number
  readonly time?: Clock & Scheduler
  /** Snapshot files to restore from, one an old subtask; see `snapshotFile`. */
  readonly restore?: readonly SnapshotContents[]
  /** List state to restore, instead of files. */
  readonly lists?: Readonly<Record<string, readonly unknown[]>>
}

/** One operator in a subtask of its own, without channels: what it emits is kept. */
export interface OperatorHarness<O extends Operator = Operator> {
  readonly operator: O
  readonly context: OperatorContext
  readonly output: EmittedRecord[]
  /** By tag. */
  readonly sideOutputs: Map<string, EmittedRecord[]>
  /** How often it asked to be looked at again. */
  readonly wakes: () => number
}

const OPERATOR_ID = 'operator-under-test'

/** Makes an operator as a subtask does. The caller opens it. */
export function operatorHarness<O extends Operator>(
  create: (context: OperatorContext) => O,
  options: HarnessOptions = {},
): OperatorHarness<O> {
  const { subtaskIndex = 0, parallelism = 1, maxParallelism = 128, attempt = 1 } = options
  const time = options.time ?? new VirtualTime()
  const output: EmittedRecord[] = []
  const sideOutputs = new Map<string, EmittedRecord[]>()
  const restored = restoredState(options, subtaskIndex, parallelism)
  let wakes = 0
  const context: OperatorContext = {
    applicationName: 'test',
    operatorId: OPERATOR_ID,
    operatorName: 'operator under test',
    subtaskIndex,
    parallelism,
    maxParallelism,
    attempt,
    clock: time,
    scheduler: time,
    random: seededRandom(subtaskIndex),
    logger: silentLogger,
    metrics: createMetricGroup(),
    fileSystem: (path) => createFileSystems({}).forPath(path),
    output: emittingTo(output),
    sideOutput(tag) {
      const emitted = sideOutputs.get(tag) ?? []
      sideOutputs.set(tag, emitted)
      return emittingTo(emitted)
    },
    wake: () => {
      wakes++
    },
    restored,
    createKeyedState() {
      const state = new HeapKeyedStateBackend({
        operatorId: OPERATOR_ID,
        maxParallelism,
        range: keyGroupRange(subtaskIndex, parallelism, maxParallelism),
      })
      if (restored !== undefined) state.restore(restored.keyed)
      return state
    },
  }
  return { operator: create(context), context, output, sideOutputs, wakes: () => wakes }
}

function emittingTo(records: EmittedRecord[]): Output<unknown> {
  return {
    emit(value, timestampMs) {
      records.push({ value, timestampMs })
    },
  }
}

function restoredState(options: HarnessOptions, subtask: number, parallelism: number): RestoredState | undefined {
  const { restore, lists } = options
  if (lists !== undefined) return { keyed: [], list: (name) => lists[name] ?? [] }
  if (restore === undefined) return undefined
  return {
    keyed: restore.flatMap((contents) => contents.keyed(OPERATOR_ID)),
    list(name) {
      const elements = restore.map((contents) => contents.operator(OPERATOR_ID, name))
      return elements.length === parallelism
        ? (elements[subtask] as readonly unknown[])
        : (redistribute(elements, parallelism)[subtask] ?? [])
    },
  }
}

/** Takes a snapshot and writes it as a subtask's file would be, then reads that. */
export async function snapshotFile(
  operator: Operator,
  checkpointId: number,
  reason: SnapshotReason = 'checkpoint',
): Promise<SnapshotContents> {
  const { keyed, lists } = operator.snapshot(checkpointId, reason)
  const writer = new SnapshotFileWriter()
  if (keyed !== undefined) {
    while (!keyed.sweep.step(1));
    writer.addKeyed(OPERATOR_ID, keyed.backend.schema(), keyed.sweep.result())
  }
  for (const [name, elements] of Object.entries((await lists) ?? {})) {
    if (elements.length > 0) writer.addOperator(OPERATOR_ID, name, elements)
  }
  return readSnapshotFile(writer.finish().bytes)
}
