import { type Random, seededRandom } from '@millrace/engine/spi'

/** What a source finds in its splits. Times in ms. */
export interface InputShape {
  readonly splits: number
  readonly recordsPerSplit: number
  /** How far behind the highest event time a record may lie. */
  readonly disorderMs: number
  readonly boundMs: number
  readonly idleTimeoutMs: number | undefined
  readonly keys: number
  /** One record in so many can't be read; 0: none. */
  readonly malformedEvery: number
  readonly malformedPolicy: 'skip' | 'dead-letter'
  /** Splits that appear while the job runs. */
  readonly lateSplits: number
  /** Splits that stand still for a while. */
  readonly pausingSplits: number
  readonly paddingBytes: number
  readonly maxPutGapMs: number
}

/** What is made of the records. */
export interface JobShape {
  readonly reassignSplits: boolean
  readonly windowMs: number
  readonly latenessMs: number
  readonly timerMs: number
  /** Processing-time timers. */
  readonly tickMs: number
  readonly slowSinkMs: number
  readonly autoWatermarkIntervalMs: number
}

/** One way of running the job until something ends it. */
export interface Phase {
  readonly threads: number
  readonly parallelism: number
  readonly sinkParallelism: number
  readonly checkpoints: {
    readonly intervalMs: number
    readonly timeoutMs: number
    readonly minPauseMs: number
    readonly tolerableFailures: number
    readonly retained: number
    readonly mode: 'exactly-once' | 'at-least-once'
  }
  readonly maxDelayMs: number
  readonly exchangeBytes: number
  /** Savepoints while the job goes on, ms after the phase's start. */
  readonly savepointsAtMs: readonly number[]
  /** Threads that die, ms after the phase's start. */
  readonly killsAtMs: readonly number[]
  /** Chance that a thread isn't told of a completed or aborted checkpoint. */
  readonly lostNotices: number
  readonly end:
    | { readonly kind: 'finish' }
    /** Stopped by a savepoint; one that gives up lets the job go on to its end when it can't be stopped at once. */
    | {
        readonly kind: 'drain' | 'suspend'
        readonly atMs: number
        readonly restoreByPath: boolean
        readonly givesUp: boolean
      }
    | { readonly kind: 'crash'; readonly atMs: number; readonly powerCut: boolean }
    /** Stands still, is replaced, and goes on later. */
    | {
        readonly kind: 'zombie'
        readonly atMs: number
        readonly wakesAfterMs: number
        readonly what: 'coordinator' | 'all'
      }
}

/** Storage that fails or is slow for a while. */
export interface StorageTrouble {
  readonly kind: 'fails' | 'loses-answers' | 'full' | 'slow'
  readonly fromMs: number
  readonly toMs: number
  readonly chance: number
}

/** All that happens in one simulation, as plain data. */
export interface Scenario {
  readonly seed: number
  /** What the job promises of its state; sinks keep to their own promises. */
  readonly guarantee: 'exactly-once' | 'at-least-once'
  readonly input: InputShape
  readonly job: JobShape
  readonly phases: readonly Phase[]
  readonly storage: readonly StorageTrouble[]
}

/** What a scenario dwells on. */
type Theme = 'calm' | 'mixed' | 'replaced' | 'storage'

const themes: readonly Theme[] = [
  'calm',
  'mixed',
  'mixed',
  'mixed',
  'mixed',
  'replaced',
  'replaced',
  'storage',
  'storage',
]

/** The scenario of a seed. Every trouble is over after some seconds: then each job must come to its end. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(Math.imul(seed, 0x2c1b3c6d) ^ 0x1b873593)
  const theme = pick(random, themes)
  const guarantee = chance(random, 0.1) ? 'at-least-once' : 'exactly-once'
  const count = { calm: 1, mixed: random.int(1, 4), replaced: random.int(3, 5), storage: random.int(2, 3) }[theme]
  const phases = Array.from({ length: count }, (_, i) => phaseOf(random, guarantee, theme, i === count - 1))
  const troubles = { calm: 0, mixed: random.int(0, 3), replaced: random.int(0, 1), storage: random.int(2, 6) }[theme]
  return {
    seed,
    guarantee,
    input: inputOf(random),
    job: jobOf(random),
    phases,
    storage: Array.from({ length: troubles }, () => troubleOf(random, theme)),
  }
}

function inputOf(random: Random): InputShape {
  const disorderMs = pick(random, [0, 5, 30, 100])
  return {
    splits: random.int(1, 5),
    recordsPerSplit: random.int(5, 60),
    disorderMs,
    boundMs: chance(random, 0.5) ? disorderMs : random.int(0, disorderMs),
    idleTimeoutMs: pick(random, [undefined, 50, 200]),
    keys: random.int(1, 12),
    malformedEvery: pick(random, [0, 0, 4, 15]),
    malformedPolicy: pick(random, ['skip', 'dead-letter']),
    lateSplits: random.int(0, 2),
    pausingSplits: random.int(0, 2),
    paddingBytes: pick(random, [0, 0, 40, 600]),
    maxPutGapMs: pick(random, [5, 20, 60]),
  }
}

function jobOf(random: Random): JobShape {
  return {
    reassignSplits: chance(random, 0.5),
    windowMs: pick(random, [10, 50, 200]),
    latenessMs: pick(random, [0, 0, 5, 100]),
    timerMs: pick(random, [1, 20, 300]),
    tickMs: pick(random, [5, 30, 100]),
    slowSinkMs: pick(random, [0, 0, 5, 40]),
    autoWatermarkIntervalMs: pick(random, [5, 20, 50]),
  }
}

function phaseOf(random: Random, mode: Scenario['guarantee'], theme: Theme, last: boolean): Phase {
  const parallelism = random.int(1, 4)
  const times = (most: number): number[] =>
    theme === 'calm' ? [] : Array.from({ length: random.int(0, most) }, () => random.int(5, 900)).sort((a, b) => a - b)
  return {
    threads: random.int(1, 3),
    parallelism,
    sinkParallelism: chance(random, 0.6) ? parallelism : random.int(1, 4),
    checkpoints: { ...checkpointsOf(random, theme), retained: random.int(1, 3), mode },
    maxDelayMs: pick(random, theme === 'mixed' ? [0.1, 1, 5] : [0.1, 1]),
    exchangeBytes: pick(random, [16 * 1024, 256 * 1024]),
    savepointsAtMs: times(1),
    killsAtMs: times(theme === 'replaced' ? 3 : 2),
    lostNotices: theme !== 'calm' && chance(random, 0.2) ? 0.3 : 0,
    end: endOf(random, theme, last),
  }
}

function checkpointsOf(random: Random, theme: Theme): Omit<Phase['checkpoints'], 'retained' | 'mode'> {
  const minPauseMs = pick(random, [0, 0, 10, 50])
  switch (theme) {
    case 'replaced':
      // Whoever slept through a time-out goes on with the next number, which may be one of its successor's.
      return {
        intervalMs: pick(random, [10, 25, 100]),
        timeoutMs: pick(random, [60, 2000]),
        minPauseMs: 0,
        tolerableFailures: 1000,
      }
    case 'storage':
      // Slow storage makes some expire while their files are still being written.
      return {
        intervalMs: pick(random, [10, 25, 60]),
        timeoutMs: pick(random, [80, 2000]),
        minPauseMs,
        tolerableFailures: 1000,
      }
    default: {
      // A time-out that may be too short for any checkpoint: the job fails, and is started again with another.
      const hasty = chance(random, 0.2)
      return {
        intervalMs: pick(random, [10, 25, 60, 150]),
        timeoutMs: hasty ? random.int(5, 40) : 2000,
        minPauseMs,
        tolerableFailures: pick(random, hasty ? [0, 2] : [0, 2, 1000]),
      }
    }
  }
}

function endOf(random: Random, theme: Theme, last: boolean): Phase['end'] {
  const atMs = theme === 'replaced' ? random.int(20, 300) : random.int(10, 700)
  const givesUp = chance(random, 0.3)
  if (last) return chance(random, 0.2) ? { kind: 'drain', atMs, restoreByPath: false, givesUp } : { kind: 'finish' }
  const crash = { kind: 'crash', atMs, powerCut: chance(random, 0.5) } as const
  const what = chance(random, 0.5) ? 'coordinator' : 'all'
  const zombie = { kind: 'zombie', atMs, wakesAfterMs: random.int(1, theme === 'replaced' ? 200 : 500), what } as const
  const suspend = { kind: 'suspend', atMs, restoreByPath: chance(random, 0.5), givesUp } as const
  const ends = {
    calm: [crash],
    mixed: [crash, suspend, zombie],
    replaced: [zombie, zombie, crash],
    storage: [crash, suspend],
  }
  return pick<Phase['end']>(random, ends[theme])
}

function troubleOf(random: Random, theme: Theme): StorageTrouble {
  const fromMs = random.int(0, theme === 'storage' ? 700 : 1500)
  return {
    kind: pick(random, ['fails', 'loses-answers', 'full', 'slow']),
    fromMs,
    toMs: fromMs + random.int(10, 300),
    chance: pick(random, theme === 'storage' ? [0.05, 0.2, 0.5] : [0.1, 0.5, 1]),
  }
}

export function chance(random: Random, probability: number): boolean {
  return random.next() < probability
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.int(0, values.length - 1)] as T
}
