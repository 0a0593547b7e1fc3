/** The times by which nodes agree that one of them is lost; ms. */
export interface ZoneTiming {
  /** Between the heartbeats of a node. */
  readonly heartbeatMs: number
  /** A node that couldn't renew for so long, by its own monotonic clock since it sent the last one, ends its jobs. */
  readonly lapseMs: number
  /** A node that was silent for so long, by the store's clock, is lost. More than `lapseMs`: it has ended its jobs by then. */
  readonly silenceLimitMs: number
  readonly leaseLifeMs: number
  readonly leaseRenewMs: number
  /** How often nodes look for changes that nobody told them of. */
  readonly lookMs: number
}

export const defaultTiming: ZoneTiming = {
  heartbeatMs: 1_500,
  lapseMs: 5_000,
  silenceLimitMs: 6_000,
  leaseLifeMs: 5_000,
  leaseRenewMs: 1_500,
  lookMs: 1_000,
}
