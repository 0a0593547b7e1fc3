import { VirtualTime } from '@millrace/engine/testing'
import { backlogStep, newBacklogMemory } from './backlog-policy.ts'
import type { Backlog, ScalingPoint } from './scaling-point.ts'
import type { BacklogSettings } from './scaling-settings.ts'

/** An application as figures: what comes in, what its subtasks can do, and a restart that takes two seconds. */
export interface ModelledApplication {
  /** Records a second at a second of the run. */
  arrivals(second: number): number
  /** Records a second of all subtasks together. */
  capacity(parallelism: number): number
  /** What its sources can tell of their backlog. */
  readonly tells: 'records' | 'lag' | 'nothing'
  readonly parallelism: number
  readonly seconds: number
  /** Points that are lost on their way. */
  loses?(second: number): boolean
}

export interface Run {
  /** Second, from, to. */
  readonly changes: readonly (readonly [second: number, from: number, to: number])[]
  /** At the end of each second. */
  readonly backlog: readonly number[]
  readonly parallelism: readonly number[]
  readonly held: readonly string[]
}

const restartSeconds = 2

/** The closed loop: each second is played, each tenth is measured, and what the policy decides is done. */
export async function simulate(application: ModelledApplication, settings: BacklogSettings): Promise<Run> {
  const time = new VirtualTime()
  const changes: [number, number, number][] = []
  const backlogs: number[] = []
  const parallelisms: number[] = []
  const held: string[] = []
  let { parallelism } = application
  let memory = newBacklogMemory(parallelism, time.now())
  let backlog = 0
  let downUntil = 0
  let processed = 0
  let busySeconds = 0
  for (let second = 0; second < application.seconds; second++) {
    await time.advance(1000)
    backlog += application.arrivals(second)
    const capacity = second < downUntil ? 0 : application.capacity(parallelism)
    const done = Math.min(backlog, capacity)
    backlog -= done
    processed += done
    busySeconds += capacity === 0 ? 0 : done / capacity
    backlogs.push(backlog)
    parallelisms.push(parallelism)
    if ((second + 1) % 10 > 0) continue
    const point: ScalingPoint = {
      timestampMs: time.now(),
      cpuUtilizationPercent: undefined,
      busyPercent: busySeconds * 10,
      recordsInPerSecond: processed / 10,
      backlog: told(application, backlog, second),
      currentParallelism: parallelism,
    }
    processed = 0
    busySeconds = 0
    if (application.loses?.(second) === true) continue
    const step = backlogStep(memory, point, settings)
    memory = step.memory
    if (step.held !== undefined) held.push(step.held)
    if (step.decision === undefined) continue
    changes.push([second + 1, parallelism, step.decision.parallelism])
    parallelism = step.decision.parallelism
    downUntil = second + 1 + restartSeconds
  }
  return { changes, backlog: backlogs, parallelism: parallelisms, held }
}

function told({ tells, arrivals }: ModelledApplication, backlog: number, second: number): Backlog | undefined {
  if (tells === 'nothing') return undefined
  if (tells === 'records') return { records: Math.round(backlog) }
  // The age of the oldest record that waits: what came since then is what waits.
  let ageSeconds = 0
  for (let rest = backlog; rest > 0 && ageSeconds <= second; ageSeconds++) rest -= arrivals(second - ageSeconds)
  return { millisBehindLatest: ageSeconds * 1000 }
}
