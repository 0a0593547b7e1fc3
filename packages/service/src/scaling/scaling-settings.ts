import type { ApplicationConfiguration } from '../applications/application-record.ts'
import { invalidArgument } from '../wire/api-error.ts'

/** The property group that tells the service, not the program, what to do. */
export const serviceGroup = 'millrace'

/** Scaling by backlog and busy time. */
export interface BacklogSettings {
  readonly minParallelism: number
  readonly maxParallelism: number
  /** How busy the busiest vertex is to be. */
  readonly targetBusyPercent: number
  /** How long the application may need for what waits, before the backlog itself asks for more. */
  readonly maxBacklogSeconds: number
  /** For this long after a change nothing is decided. */
  readonly cooldownSeconds: number
}

/** What an application's configuration says about scaling and hibernation. */
export interface ScalingSettings {
  /** Undefined: Amazon's rule. */
  readonly backlog: BacklogSettings | undefined
  /** Undefined: never. */
  readonly hibernateAfterMinutes: number | undefined
}

type Properties = ApplicationConfiguration['properties']

/** Keys, their bounds and defaults; undefined: as the parallelism's configuration says. */
const numbers = {
  'scaling.min-parallelism': { min: 1, max: 256, otherwise: undefined },
  'scaling.max-parallelism': { min: 1, max: 256, otherwise: undefined },
  'scaling.target-busy-percent': { min: 10, max: 95, otherwise: 70 },
  'scaling.max-backlog-seconds': { min: 1, max: 86_400, otherwise: 60 },
  'scaling.cooldown-seconds': { min: 10, max: 3_600, otherwise: 30 },
  'hibernate.after-minutes': { min: 1, max: 525_600, otherwise: undefined },
} as const

type NumberKey = keyof typeof numbers
const keys: readonly string[] = ['scaling.policy', ...Object.keys(numbers)]
const prefixes = ['scaling.', 'hibernate.']

/**
 * What group `millrace` of the properties says, over `parallelism` and the most that the application may have.
 * Errors: `InvalidArgumentException` naming the key: unknown ones below `scaling.` and `hibernate.`, values out of bounds,
 * a least parallelism above the greatest one.
 */
export function scalingSettings(
  properties: Properties,
  { parallelism, maxParallelism }: { readonly parallelism: number; readonly maxParallelism: number },
): ScalingSettings {
  const group = properties[serviceGroup] ?? {}
  refuseUnknown(group)
  const hibernateAfterMinutes = numberOf(group, 'hibernate.after-minutes')
  const policy = group['scaling.policy'] ?? 'amazon'
  if (policy !== 'amazon' && policy !== 'backlog') throw wrong('scaling.policy', policy, 'amazon or backlog')
  const read = {
    minParallelism: numberOf(group, 'scaling.min-parallelism') ?? Math.min(parallelism, maxParallelism),
    maxParallelism: Math.min(numberOf(group, 'scaling.max-parallelism') ?? maxParallelism, maxParallelism),
    targetBusyPercent: numberOf(group, 'scaling.target-busy-percent') ?? 0,
    maxBacklogSeconds: numberOf(group, 'scaling.max-backlog-seconds') ?? 0,
    cooldownSeconds: numberOf(group, 'scaling.cooldown-seconds') ?? 0,
  }
  if (read.minParallelism > read.maxParallelism) {
    throw invalidArgument(
      `Property group ${serviceGroup}: the least parallelism, ${read.minParallelism}, is above the greatest, ` +
        `${read.maxParallelism}. Set scaling.min-parallelism and scaling.max-parallelism.`,
    )
  }
  return { backlog: policy === 'backlog' ? read : undefined, hibernateAfterMinutes }
}

function refuseUnknown(group: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(group)) {
    if (!prefixes.some((prefix) => key.startsWith(prefix)) || keys.includes(key)) continue
    throw invalidArgument(`Property group ${serviceGroup}: there is no ${key}. Known are ${keys.join(', ')}.`)
  }
}

function numberOf(group: Readonly<Record<string, string>>, key: NumberKey): number | undefined {
  const { min, max, otherwise } = numbers[key]
  const text = group[key]
  if (text === undefined) return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw wrong(key, text, `a whole number from ${min} to ${max}`)
}

function wrong(key: string, value: string, what: string): Error {
  return invalidArgument(`Property group ${serviceGroup}: ${key} is '${value.slice(0, 100)}'; it must be ${what}.`)
}
