import { EngineError } from '../common/errors.ts'
import type { Random } from '../common/random.ts'

/** What follows a failure (rule CP-11). Times in ms. */
export type RestartStrategySettings =
  | { readonly kind: 'none' }
  /** Restarts while there were fewer than `attempts`. */
  | { readonly kind: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  /** Gives up when more than `maxFailuresPerInterval` failures lie within `intervalMs`. */
  | {
      readonly kind: 'failure-rate'
      readonly maxFailuresPerInterval: number
      readonly intervalMs: number
      readonly delayMs: number
    }
  /** Waits longer each time, starts afresh after `resetAfterMs` of calm. */
  | {
      readonly kind: 'exponential-delay'
      readonly initialDelayMs: number
      readonly maxDelayMs: number
      readonly multiplier: number
      readonly jitter: number
      readonly resetAfterMs: number
      readonly attempts: number
    }

/** Flink's defaults (2.3). */
export const exponentialDelay: RestartStrategySettings = {
  kind: 'exponential-delay',
  initialDelayMs: 1000,
  maxDelayMs: 60_000,
  multiplier: 1.5,
  jitter: 0.1,
  resetAfterMs: 3_600_000,
  attempts: Number.POSITIVE_INFINITY,
}

export interface RestartStrategy {
  /** A failure at `nowMs` (monotonic): how long to wait before the restart, or undefined to give up. */
  onFailure(nowMs: number): number | undefined
}

/** Errors: `RESTART_STRATEGY_INVALID`. */
export function createRestartStrategy(settings: RestartStrategySettings, random: Random): RestartStrategy {
  switch (settings.kind) {
    case 'none':
      return { onFailure: () => undefined }
    case 'fixed-delay':
      return fixedDelay(settings)
    case 'failure-rate':
      return failureRate(settings)
    case 'exponential-delay':
      return exponential(settings, random)
    default:
      throw new EngineError('RESTART_STRATEGY_INVALID', {
        kind: 'invalid',
        message: `Unknown restart strategy ${JSON.stringify(settings)}.`,
        hint: 'Use none, fixed-delay, failure-rate or exponential-delay.',
      })
  }
}

function fixedDelay(settings: { attempts: number; delayMs: number }): RestartStrategy {
  let restarts = 0
  return { onFailure: () => (restarts++ < settings.attempts ? settings.delayMs : undefined) }
}

function failureRate(settings: {
  maxFailuresPerInterval: number
  intervalMs: number
  delayMs: number
}): RestartStrategy {
  const failures: number[] = []
  return {
    onFailure(nowMs) {
      failures.push(nowMs)
      if (failures.length <= settings.maxFailuresPerInterval) return settings.delayMs
      const oldestMs = failures.shift() as number
      return nowMs - oldestMs > settings.intervalMs ? settings.delayMs : undefined
    },
  }
}

function exponential(
  settings: Extract<RestartStrategySettings, { kind: 'exponential-delay' }>,
  random: Random,
): RestartStrategy {
  let attempt = 0
  let restartAtMs = Number.NEGATIVE_INFINITY
  return {
    onFailure(nowMs) {
      // A failure before the scheduled restart belongs to the same attempt.
      if (nowMs < restartAtMs) return restartAtMs - nowMs
      if (nowMs - restartAtMs >= settings.resetAfterMs) attempt = 0
      if (attempt >= settings.attempts) return undefined
      const baseMs = settings.initialDelayMs * settings.multiplier ** attempt++
      const jitteredMs = baseMs + (random.next() * 2 - 1) * settings.jitter * baseMs
      const delayMs = Math.min(Math.max(jitteredMs, settings.initialDelayMs), settings.maxDelayMs)
      restartAtMs = nowMs + delayMs
      return delayMs
    },
  }
}
