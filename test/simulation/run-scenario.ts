import type { FunctionContext } from '@millrace/engine'
import type { JobGraph } from '@millrace/engine/host'
import { asEngineError, type FileSystem, type Sink, sleep, storageFailed } from '@millrace/engine/spi'
import {
  ChannelChecker,
  CheckpointChecker,
  type EventLoop,
  SimulatedCluster,
  type SimulatedProcess,
  type StorageLatency,
  type ThreadHooks,
  type Violation,
  Violations,
} from '@millrace/engine/testing'
import { checkResults } from './check-results.ts'
import { DELIVERY_LIMIT } from './delivery-sink.ts'
import { declareJob } from './job.ts'
import type { Phase, Scenario } from './scenario.ts'
import { produce, SimulatedLog } from './simulated-log.ts'

/** Seams for planted bugs: what a test replaces in one simulation. Nothing of it exists in the engine. */
export interface Plant {
  /** Changes the scenario so that the bug can show. */
  readonly prepare?: (scenario: Scenario) => Scenario
  readonly log?: (files: FileSystem) => SimulatedLog
  readonly sink?: <T>(sink: Sink<T>) => Sink<T>
  readonly hooks?: () => ThreadHooks
  readonly graph?: (graph: JobGraph) => JobGraph
  readonly fileSystem?: (inner: FileSystem) => FileSystem
}

export interface SimulationReport {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Equal for equal seeds (invariant 5). */
  readonly traceHash: string
  readonly lastLines: readonly string[]
  readonly simulatedMs: number
  readonly events: number
  readonly restarts: number
  readonly completedCheckpoints: number
  readonly commits: number
  readonly records: number
}

const CHECKPOINTS = '/checkpoints'
/** A job that isn't done by then hangs: every trouble is over after some seconds. */
const LIMIT_MS = 60_000
/** How often a job is asked to stop before it is killed: its checkpoints may never be in time. */
const MAX_STOPS = 15
/** The checkpoint time-out of a process that replaces one whose own was too short. */
const PATIENT_MS = 2000
/** What may be under way in a channel as JSON: its credit (16 KiB encoded) and what one batch may add. */
const MAX_CHANNEL_BYTES = 96 * 1024

/** Runs one scenario from start to end, and checks every invariant. */
export async function runScenario(
  scenario: Scenario,
  plant: Plant = {},
  keptLines?: number,
): Promise<SimulationReport> {
  const run = new ScenarioRun(plant.prepare?.(scenario) ?? scenario, plant, keptLines)
  return run.run()
}

class ScenarioRun {
  readonly #scenario: Scenario
  readonly #plant: Plant
  readonly #cluster: SimulatedCluster
  readonly #violations = new Violations()
  readonly #channels: ChannelChecker
  readonly #checkpoints: CheckpointChecker
  readonly #log: SimulatedLog
  readonly #deliveries = new Map<string, number>()
  /** Subtask by process, attempt and key. */
  readonly #owners = new Map<string, number>()
  readonly #controller: EventLoop
  #processes = 0
  #restarts = 0
  #completed = 0
  #disturbed = false

  constructor(scenario: Scenario, plant: Plant, keptLines: number | undefined) {
    this.#scenario = scenario
    this.#plant = plant
    this.#cluster = new SimulatedCluster(scenario.seed, latencyOf(scenario), keptLines)
    this.#channels = new ChannelChecker(this.#violations, MAX_CHANNEL_BYTES)
    this.#checkpoints = new CheckpointChecker(this.#violations, CHECKPOINTS)
    this.#controller = this.#cluster.time.loop('controller')
    this.#log = plant.log?.(this.#cluster.fileSystem(this.#controller)) ?? new SimulatedLog()
    this.#troubleStorage()
  }

  async run(): Promise<SimulationReport> {
    const { time, trace } = this.#cluster
    const { input, seed } = this.#scenario
    const producer = time.loop('producer')
    const produced = produce(this.#log, input, producer, this.#cluster.fileSystem(producer), this.#cluster.fork())
    let drained = false
    try {
      drained = await time.until(this.#phases(), LIMIT_MS)
      await time.until(produced, LIMIT_MS)
    } catch (error) {
      this.#violations.report('progress', asEngineError(error).message)
    }
    for (const failure of time.failures) this.#violations.report('progress', `uncaught: ${String(failure)}`)
    if (this.#violations.found.every(({ invariant }) => invariant !== 'progress')) {
      const undisturbed = !this.#disturbed && this.#restarts === 0
      const { storage } = this.#cluster
      checkResults(
        { scenario: this.#scenario, log: this.#log, storage, deliveries: this.#deliveries, drained, undisturbed },
        this.#violations,
      )
    }
    return {
      seed,
      violations: this.#violations.found,
      traceHash: trace.hash,
      lastLines: trace.lastLines,
      simulatedMs: Math.round(time.nowMs),
      events: time.events,
      restarts: this.#restarts,
      completedCheckpoints: this.#completed,
      commits: this.#checkpoints.commits,
      records: [...this.#log.splits.values()].reduce((sum, { entries }) => sum + entries.length, 0),
    }
  }

  /** One phase after the other. True: the job was drained before the end of its input. */
  async #phases(): Promise<boolean> {
    let restoreFrom: string | undefined
    for (const phase of this.#scenario.phases) {
      const process = this.#start(phase, restoreFrom)
      restoreFrom = 'latest'
      const ended = await this.#runPhase(process, phase)
      if (ended.kind === 'over') return ended.drained
      if (ended.savepoint !== undefined) restoreFrom = ended.savepoint
      this.#disturbed = true
    }
    throw new Error('the last phase left the job unfinished')
  }

  /** `over`: the job is done. `next`: the next phase goes on with it. */
  async #runPhase(
    first: SimulatedProcess,
    phase: Phase,
  ): Promise<{ kind: 'over'; drained: boolean } | { kind: 'next'; savepoint?: string }> {
    const { end } = phase
    let process = first
    const startMs = this.#cluster.time.nowMs
    const until = (atMs: number): Promise<void> => sleep(this.#controller, startMs + atMs - this.#cluster.time.nowMs)
    for (const atMs of phase.killsAtMs) {
      void until(atMs).then(() => this.#killThread(process))
    }
    for (const [i, atMs] of phase.savepointsAtMs.entries()) {
      void until(atMs).then(() =>
        process.job.savepoint(`/savepoints/${process.name}-${i}`, 'none').catch(() => {
          // It may fail like any checkpoint; the job has to go on all the same.
        }),
      )
    }
    if (end.kind === 'crash' || end.kind === 'zombie') {
      const first = await Promise.race([until(end.atMs), this.#outcome(process)])
      if (first === 'finished') return { kind: 'over', drained: false }
      if (end.kind === 'crash') this.#crash(process, end.powerCut)
      else this.#standStill(process, end)
      return { kind: 'next' }
    }
    if (end.kind !== 'finish') await until(end.atMs)
    for (;;) {
      if (end.kind === 'finish') {
        if ((await this.#outcome(process)) === 'finished') return { kind: 'over', drained: false }
      } else {
        const savepoint = `/savepoints/${process.name}-stop`
        const stopped = await this.#stop(process, end.kind, savepoint, end.givesUp ? 1 : MAX_STOPS)
        if (stopped === 'given up') {
          if ((await this.#outcome(process)) === 'finished') return { kind: 'over', drained: false }
        }
        if (stopped === 'finished') return { kind: 'over', drained: false }
        if (stopped === 'stopped') {
          if (end.kind === 'drain') return { kind: 'over', drained: true }
          return end.restoreByPath ? { kind: 'next', savepoint } : { kind: 'next' }
        }
      }
      // Given up by its restart strategy: somebody starts it again.
      this.#disturbed = true
      process = this.#start({ ...phase, checkpoints: { ...phase.checkpoints, timeoutMs: PATIENT_MS } }, 'latest')
    }
  }

  /** How the process ended; what it may not end with is a violation. */
  async #outcome(process: SimulatedProcess): Promise<'finished' | 'failed'> {
    try {
      const { state } = await process.result
      return state === 'FINISHED' || state === 'STOPPED' ? 'finished' : 'failed'
    } catch {
      return 'failed'
    }
  }

  /** Asks again while it can't be stopped right now; after `maxTries` it is killed, or after one try let go on. */
  async #stop(
    process: SimulatedProcess,
    stop: 'drain' | 'suspend',
    path: string,
    maxTries: number,
  ): Promise<'stopped' | 'finished' | 'failed' | 'given up'> {
    const outcome = this.#outcome(process)
    for (let tries = 0; tries < maxTries; tries++) {
      const asked = process.job.savepoint(path, stop).then(
        () => 'stopped' as const,
        () => 'refused' as const,
      )
      const answer = await Promise.race([asked, outcome.then((ended) => sleep(this.#controller, 1).then(() => ended))])
      if (answer !== 'refused') return answer
      const ended = await Promise.race([sleep(this.#controller, 30), outcome])
      if (ended !== undefined) return ended
    }
    if (maxTries === 1) return 'given up'
    process.kill()
    return 'failed'
  }

  #start(phase: Phase, restoreFrom: string | undefined): SimulatedProcess {
    const epoch = ++this.#processes
    const name = `p${epoch}`
    const { hooks, sink, graph, fileSystem } = this.#plant
    const planted = hooks?.()
    const lossRandom = this.#cluster.fork()
    let ending = false
    const process = this.#cluster.start({
      name,
      epoch,
      threads: phase.threads,
      parallelism: phase.parallelism,
      checkpoints: phase.checkpoints,
      checkpointFolder: CHECKPOINTS,
      restoreFrom,
      restartStrategy: { kind: 'fixed-delay', attempts: 4, delayMs: 20 },
      autoWatermarkIntervalMs: this.#scenario.job.autoWatermarkIntervalMs,
      maxDelayMs: phase.maxDelayMs,
      exchangeBytes: phase.exchangeBytes,
      declare: (env) =>
        declareJob(env, this.#scenario, phase, {
          log: this.#log,
          deliveries: {
            received: this.#deliveries,
            waiting: (count) => {
              if (count > DELIVERY_LIMIT + 600) this.#violations.report('bounds', `${name}: ${count} deliveries wait`)
            },
          },
          watchSink: (inner) => this.#checkpoints.watchSink(sink?.(inner) ?? inner, epoch) as typeof inner,
          met: (key, context) => this.#met(name, key, context),
        }),
      changeGraph: graph,
      changeFileSystem: (inner) => {
        const watched = this.#checkpoints.watchStorage(inner, this.#cluster.storage)
        return fileSystem?.(watched) ?? watched
      },
      hooks: {
        links: (links, id) => this.#channels.watch(planted?.links?.(links, id) ?? links, name, id),
        toThread: (message, id) => {
          if (message.kind === 'trigger-checkpoint' && message.barrier.stop !== 'none') ending = true
          const isNotice = message.kind === 'checkpoint-complete' || message.kind === 'checkpoint-aborted'
          if (isNotice && !ending && lossRandom.next() < phase.lostNotices) return false
          return planted?.toThread?.(message, id) !== false
        },
        fromThread: (message, id, echo) => {
          if (message.kind === 'ended') ending = true
          planted?.fromThread?.(message, id, echo)
        },
      },
      events: {
        onCheckpoint: ({ id }) => {
          this.#completed++
          this.#checkpoints.completed(epoch, id)
        },
        onException: (error) => {
          this.#restarts++
          const ours = error.kind === 'bug' || error.kind === 'corrupt' || error.kind === 'invalid'
          const user = error.kind === 'application'
          const replaced = epoch < this.#processes
          // What a replaced process was about to restore may have been cleaned up by its successor.
          if (replaced && (error.kind === 'fenced' || error.code === 'FILE_NOT_FOUND')) return
          if (ours || user || error.kind === 'fenced') {
            this.#violations.report('progress', `${name} failed: ${error.code} (${error.kind}) ${error.message}`)
          }
        },
        onLog: ({ message, fields }) => {
          if (message !== 'restoring') return
          this.#checkpoints.restored(epoch, String(fields['folder']), Number(fields['checkpointId']))
        },
      },
    })
    return process
  }

  #met(process: string, key: string, context: FunctionContext): void {
    const name = `${process}/${context.attempt}/${key}`
    const owner = this.#owners.get(name)
    if (owner === undefined) this.#owners.set(name, context.subtaskIndex)
    else if (owner !== context.subtaskIndex) {
      this.#violations.report('ownership', `${name} is in subtasks ${owner} and ${context.subtaskIndex}`)
    }
  }

  #killThread(process: SimulatedProcess): void {
    const { alive } = process.threads
    const thread = alive[this.#cluster.fork().int(0, Math.max(alive.length - 1, 0))]
    if (thread === undefined) return
    this.#disturbed = true
    this.#cluster.note(`${process.name}.${thread} killed`)
    process.threads.kill(thread)
  }

  #crash(process: SimulatedProcess, powerCut: boolean): void {
    process.kill()
    if (!powerCut) return
    this.#cluster.note('power cut')
    this.#cluster.storage.cutPower()
    this.#log.recover(this.#cluster.storage)
  }

  #standStill(process: SimulatedProcess, end: { wakesAfterMs: number; what: 'coordinator' | 'all' }): void {
    process.pause(end.what)
    void sleep(this.#controller, end.wakesAfterMs).then(() => process.resume())
  }

  #troubleStorage(): void {
    const random = this.#cluster.fork()
    const { storage, time } = this.#cluster
    for (const trouble of this.#scenario.storage) {
      const { kind, fromMs, toMs } = trouble
      if (kind === 'slow') continue
      void sleep(this.#controller, fromMs).then(async () => {
        this.#disturbed = true
        this.#cluster.note(`storage ${kind}`)
        if (kind === 'full') {
          storage.quotaBytes = storage.usedBytes
          await sleep(this.#controller, toMs - fromMs)
          storage.quotaBytes = Number.POSITIVE_INFINITY
          return
        }
        const phase = kind === 'fails' ? 'before' : 'after'
        const stop = storage.faults.failWhen((call) =>
          call.phase === phase && random.next() < trouble.chance ? storageFailed(call.operation, call.path) : undefined,
        )
        await sleep(this.#controller, fromMs + (toMs - fromMs) - time.nowMs)
        stop()
      })
    }
  }
}

function latencyOf({ storage }: Scenario): StorageLatency {
  const slow = storage.filter(({ kind }) => kind === 'slow')
  return (nowMs, random) => {
    const isSlow = slow.some(({ fromMs, toMs, chance }) => nowMs >= fromMs && nowMs < toMs && random.next() < chance)
    return random.next() * (isSlow ? 150 : 3)
  }
}
