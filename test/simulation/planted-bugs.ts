import type { FileSystem } from '@millrace/engine/spi'
import type { CheckedInvariant } from '@millrace/engine/testing'
import { type Plant, runScenario } from './run-scenario.ts'
import { type Phase, type Scenario, scenarioOf } from './scenario.ts'
import { type LogEntry, pathOf, SimulatedLog } from './simulated-log.ts'

/** A fault put in from outside, and the invariant it breaks: the checkers must notice. */
export interface PlantedBug {
  readonly name: string
  readonly invariant: CheckedInvariant
  readonly plant: Plant
}

/** One for each invariant of ARCHITECTURE.md at least. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'a batch overtakes a barrier or a watermark',
    invariant: 'order',
    plant: { prepare: (scenario) => onThreads(scenario, 2), hooks: () => ({ links: overtaking }) },
  },
  {
    name: 'records are spread without regard to their key',
    invariant: 'ownership',
    plant: {
      prepare: (scenario) => withPhases(scenario, (phase) => ({ ...phase, parallelism: 3 })),
      graph: (graph) => ({
        ...graph,
        edges: graph.edges.map((edge) =>
          edge.partitioner.kind === 'hash' ? { ...edge, partitioner: { kind: 'rebalance' } } : edge,
        ),
      }),
    },
  },
  {
    name: 'sinks are told of a checkpoint when their subtask has answered',
    invariant: 'commit',
    plant: {
      hooks: () => ({
        fromThread(message, _id, echo) {
          if (message.kind !== 'checkpoint-acknowledged') return
          echo({ kind: 'checkpoint-complete', checkpointId: message.checkpointId })
        },
      }),
    },
  },
  {
    name: 'senders don’t mind their credit',
    invariant: 'bounds',
    plant: {
      prepare: (scenario) => ({
        ...onThreads(scenario, 2),
        input: { ...scenario.input, splits: 4, recordsPerSplit: 150, maxPutGapMs: 0.1, paddingBytes: 2000 },
        job: { ...scenario.job, slowSinkMs: 60 },
      }),
      hooks: () => ({
        links: (links) => ({
          ...links,
          writer(channelId) {
            const writer = links.writer(channelId)
            return (
              writer && {
                hasCredit: () => true,
                allowedRecords: Number.POSITIVE_INFINITY,
                write: (element) => writer.write(element),
              }
            )
          },
        }),
      }),
    },
  },
  {
    name: 'chance from outside the seed',
    invariant: 'determinism',
    plant: { hooks: () => ({ toThread: ({ kind }) => kind !== 'checkpoint-complete' || Math.random() < 0.5 }) },
  },
  {
    name: 'storage whose exclusive create isn’t, and that doesn’t show what others have written',
    invariant: 'fence',
    plant: {
      prepare: (scenario) => ({
        ...withPhases(scenario, (phase) => ({ ...phase, killsAtMs: [] })),
        storage: [],
        phases: [zombie(scenario.phases[0] as Phase), finishing(scenario.phases[0] as Phase)],
      }),
      fileSystem: unfenced,
    },
  },
  {
    name: 'a put is acknowledged before it is durable',
    invariant: 'acknowledged',
    plant: {
      prepare: (scenario) => ({
        ...scenario,
        input: { ...scenario.input, maxPutGapMs: 1 },
        phases: [powerCut(scenario.phases[0] as Phase), finishing(scenario.phases[0] as Phase)],
      }),
      log: () => new EagerLog(),
    },
  },
  {
    name: 'late records go nowhere',
    invariant: 'silence',
    plant: {
      prepare: (scenario) => ({
        ...scenario,
        input: { ...scenario.input, disorderMs: 100, boundMs: 0 },
        job: { ...scenario.job, latenessMs: 0, windowMs: 10 },
      }),
      graph: (graph) => ({
        ...graph,
        tasks: graph.tasks.map((task) => ({
          ...task,
          operators: task.operators.map((operator) => {
            const { factory } = operator
            if (operator.id !== 'windows' || factory.kind !== 'operator') return operator
            const nowhere = { emit() {} }
            return {
              ...operator,
              factory: {
                ...factory,
                create: (context: Parameters<typeof factory.create>[0]) =>
                  factory.create({ ...context, sideOutput: () => nowhere }),
              },
            }
          }),
        })),
      }),
    },
  },
  {
    name: 'barriers aren’t aligned',
    invariant: 'result',
    plant: {
      prepare: (scenario) =>
        withPhases(scenario, (phase) => ({
          ...phase,
          parallelism: 3,
          killsAtMs: [100, 200, 300],
          checkpoints: { ...phase.checkpoints, mode: 'at-least-once', intervalMs: 10 },
        })),
    },
  },
  {
    name: 'the notice of the last checkpoint is lost',
    invariant: 'progress',
    plant: {
      prepare: (scenario) => ({ ...scenario, phases: [finishing(scenario.phases[0] as Phase)] }),
      hooks: () => {
        let ended = false
        return {
          fromThread({ kind }) {
            if (kind === 'ended') ended = true
          },
          toThread: ({ kind }) => !ended || kind !== 'checkpoint-complete',
        }
      },
    },
  },
]

/** The first seed at which the checkers notice it, among `seeds`; undefined when they never do. */
export async function seedThatCatches(bug: PlantedBug, seeds: number): Promise<number | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const report = await runScenario(scenarioOf(seed), bug.plant)
    if (bug.invariant === 'determinism') {
      const again = await runScenario(scenarioOf(seed), bug.plant)
      if (again.traceHash !== report.traceHash) return seed
    } else if (report.violations.some(({ invariant }) => invariant === bug.invariant)) {
      return seed
    }
  }
  return undefined
}

function withPhases(scenario: Scenario, change: (phase: Phase) => Phase): Scenario {
  return { ...scenario, phases: scenario.phases.map(change) }
}

function onThreads(scenario: Scenario, threads: number): Scenario {
  return withPhases(scenario, (phase) => ({ ...phase, threads, parallelism: threads, exchangeBytes: 16 * 1024 }))
}

function finishing(phase: Phase): Phase {
  return { ...phase, killsAtMs: [], lostNotices: 0, end: { kind: 'finish' }, checkpoints: patient(phase) }
}

function zombie(phase: Phase): Phase {
  const end = { kind: 'zombie', atMs: 80, wakesAfterMs: 120, what: 'all' } as const
  return { ...phase, killsAtMs: [], end, checkpoints: patient(phase) }
}

function powerCut(phase: Phase): Phase {
  return { ...phase, end: { kind: 'crash', atMs: 30, powerCut: true }, checkpoints: patient(phase) }
}

function patient({ checkpoints }: Phase): Phase['checkpoints'] {
  return { ...checkpoints, intervalMs: 25, timeoutMs: 2000, minPauseMs: 0 }
}

/** Hands out a batch before the control element it came behind. */
const overtaking: NonNullable<ReturnType<NonNullable<Plant['hooks']>>['links']> = (links) => ({
  ...links,
  reader(channelId) {
    const reader = links.reader(channelId)
    if (reader === undefined) return undefined
    let held: ReturnType<typeof reader.poll>
    return {
      peek: () => held ?? reader.peek(),
      allow: (records) => reader.allow(records),
      poll() {
        const element = held ?? reader.poll()
        held = undefined
        if (element?.kind !== 'watermark' && element?.kind !== 'barrier') return element
        if (reader.peek()?.kind !== 'batch') return element
        held = element
        return reader.poll()
      },
    }
  },
})

function unfenced(inner: FileSystem): FileSystem {
  let own = 0
  const numberOf = (path: string): number => Number(/chk-(\d+)\/_metadata$/.exec(path)?.[1] ?? 0)
  return {
    ...inner,
    async createExclusive(path, bytes) {
      own = Math.max(own, numberOf(path))
      await inner.write(path, bytes)
      return true
    },
    list: async (folder) => (await inner.list(folder)).filter(({ path }) => own === 0 || numberOf(path) <= own),
  }
}

class EagerLog extends SimulatedLog {
  override async put(split: string, entry: LogEntry, files: FileSystem): Promise<void> {
    const offset = this.splits.get(split)?.entries.length ?? 0
    this.accept(split, entry)
    void files.write(pathOf(split, offset), new TextEncoder().encode(JSON.stringify(entry))).catch(() => {})
  }
}
