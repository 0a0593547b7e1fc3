import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApplicationConfiguration } from './application-record.ts'
import { kpusOf, maxKpus, maxParallelism } from './kpus.ts'

type Parallelism = ApplicationConfiguration['parallelism']
type Checkpoints = ApplicationConfiguration['checkpoints']
type Monitoring = ApplicationConfiguration['monitoring']
type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined }

const MAX_PARALLELISM_PER_KPU = 8
const MIN_CHECKPOINT_INTERVAL_MS = 1_000

/** What an application is that nothing was told about: Amazon's defaults. */
export const defaultConfiguration: ApplicationConfiguration = {
  code: undefined,
  parallelism: { configurationType: 'DEFAULT', parallelism: 1, parallelismPerKpu: 1, autoScalingEnabled: true },
  checkpoints: { configurationType: 'DEFAULT', enabled: true, intervalMs: 60_000, minPauseMs: 5_000 },
  monitoring: { configurationType: 'DEFAULT', metricsLevel: 'APPLICATION', logLevel: 'INFO' },
  snapshotsEnabled: true,
  rollbackEnabled: false,
  properties: {},
}

/** Errors: `InvalidArgumentException` (values with DEFAULT; out of bounds), `LimitExceededException` (KPUs). */
export function changedParallelism(before: Parallelism, changes: Changes<Parallelism>): Parallelism {
  const changed = { ...before, ...given(changes) }
  if (changed.configurationType === 'DEFAULT') {
    return defaultUnlessGiven('ParallelismConfiguration', defaultConfiguration.parallelism, changes)
  }
  const { parallelism, parallelismPerKpu } = changed
  if (parallelismPerKpu > MAX_PARALLELISM_PER_KPU) {
    throw invalidArgument(`ParallelismPerKPU is ${parallelismPerKpu}; at most ${MAX_PARALLELISM_PER_KPU} are allowed.`)
  }
  const kpus = kpusOf(changed)
  if (parallelism > maxParallelism || kpus > maxKpus) {
    throw new ApiError(
      'LimitExceededException',
      `Parallelism ${parallelism} takes ${kpus} KPUs; at most ${maxParallelism} and ${maxKpus} KPUs are allowed.`,
    )
  }
  return changed
}

/** With DEFAULT the defaults hold, whatever else is given. Errors: `InvalidArgumentException`. */
export function changedCheckpoints(before: Checkpoints, changes: Changes<Checkpoints>): Checkpoints {
  const changed = { ...before, ...given(changes) }
  if (changed.configurationType === 'DEFAULT') return defaultConfiguration.checkpoints
  if (changed.intervalMs < MIN_CHECKPOINT_INTERVAL_MS) {
    throw invalidArgument(`CheckpointInterval is ${changed.intervalMs} ms; at least ${MIN_CHECKPOINT_INTERVAL_MS}.`)
  }
  return changed
}

/** Errors: `InvalidArgumentException` (values with DEFAULT). */
export function changedMonitoring(before: Monitoring, changes: Changes<Monitoring>): Monitoring {
  const changed = { ...before, ...given(changes) }
  if (changed.configurationType === 'CUSTOM') return changed
  return defaultUnlessGiven('MonitoringConfiguration', defaultConfiguration.monitoring, changes)
}

/** Groups by id. Errors: `InvalidArgumentException` (an id twice). */
export function propertiesOf(groups: readonly Shapes['PropertyGroup'][]): ApplicationConfiguration['properties'] {
  const byId = new Map(groups.map(({ PropertyGroupId, PropertyMap }) => [PropertyGroupId, PropertyMap]))
  if (byId.size < groups.length) throw invalidArgument('Two property groups have the same PropertyGroupId.')
  return Object.fromEntries(byId)
}

/** Amazon's rule: these values are changed by CUSTOM only. To give the default itself is fine. */
function defaultUnlessGiven<T extends object>(what: string, defaults: T, changes: Changes<T>): T {
  const names = Object.keys(defaults) as (keyof T)[]
  const isOther = names.some((name) => changes[name] !== undefined && changes[name] !== defaults[name])
  if (!isOther) return defaults
  throw invalidArgument(`${what} has values other than the defaults: its ConfigurationType must be CUSTOM for them.`)
}

function given<T extends object>(changes: Changes<T>): Partial<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<T>
}
