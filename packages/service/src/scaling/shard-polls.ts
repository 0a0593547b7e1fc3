import { asEngineError, type Cancellable, type Clock, type Logger, type Scheduler } from '@millrace/engine/spi'

/** What a look at a shard came to. */
export type ShardLook =
  | { readonly kind: 'empty' }
  /** Nothing yet, but it hasn't looked at everything. */
  | { readonly kind: 'behind' }
  /** It isn't to be looked at again. */
  | { readonly kind: 'over' }
  | { readonly kind: 'failed'; readonly error: unknown }

/** Looks at a shard once; doesn't fail. */
export type LookAtShard = () => Promise<ShardLook>

/** Amazon lets all readers of a shard together make five calls a second: sleepers take half of that, however many they are. */
const intervalMs = 400
const behindMs = 250
/** After a failure, and after another. */
const pausesMs = { first: 1_000, next: 2_000 }
/** Of one endpoint: at most a hundred calls a second, and so many at a time. */
const spacingMs = 10
const mostAtATime = 16

/** The watched shard and who looks at it, in turn. */
interface Ring {
  readonly key: string
  readonly looks: LookAtShard[]
  failures: number
  /** Until its next look; undefined while it waits for its turn or is looked at. */
  timer: Cancellable | undefined
}

/**
 * Looks at the shards of an endpoint again and again. Those who watch the same shard take turns, each with its own rights;
 * when one has found something the next looks at once. A failure pauses a shard for a second, the next ones for two.
 */
export class ShardPolls {
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #logger: Logger
  readonly #rings = new Map<string, Ring>()
  readonly #failing = new Set<Ring>()
  readonly #due: Ring[] = []
  #underWay = 0
  #nextStartMs = Number.NEGATIVE_INFINITY
  #isWaiting = false

  constructor({ clock, scheduler, logger }: { clock: Clock; scheduler: Scheduler; logger: Logger }) {
    this.#clock = clock
    this.#scheduler = scheduler
    this.#logger = logger
  }

  /** Never looks before it has returned. */
  add(key: string, look: LookAtShard): Cancellable {
    const ring = this.#rings.get(key) ?? this.#newRing(key)
    const { looks } = ring
    looks.unshift(look)
    return {
      cancel: () => {
        const at = looks.indexOf(look)
        if (at >= 0) looks.splice(at, 1)
        if (looks.length === 0) this.#forget(ring)
      },
    }
  }

  #newRing(key: string): Ring {
    const ring: Ring = { key, looks: [], failures: 0, timer: undefined }
    this.#rings.set(key, ring)
    this.#lookAfter(ring, 0)
    return ring
  }

  #lookAfter(ring: Ring, delayMs: number): void {
    ring.timer = this.#scheduler.after(delayMs, () => {
      ring.timer = undefined
      this.#due.push(ring)
      this.#startDue()
    })
  }

  #startDue(): void {
    while (!this.#isWaiting && this.#underWay < mostAtATime && this.#due.length > 0) {
      const waitMs = this.#nextStartMs - this.#clock.monotonicMs()
      if (waitMs > 0) {
        this.#isWaiting = true
        this.#scheduler.after(waitMs, () => {
          this.#isWaiting = false
          this.#startDue()
        })
        return
      }
      const ring = this.#due.shift() as Ring
      const look = ring.looks.shift()
      if (look === undefined) continue
      // Its turn is over: it can be cancelled meanwhile.
      ring.looks.push(look)
      this.#nextStartMs = this.#clock.monotonicMs() + spacingMs
      this.#underWay++
      void look().then((seen) => {
        this.#underWay--
        this.#looked(ring, seen)
        this.#startDue()
      })
    }
  }

  #looked(ring: Ring, seen: ShardLook): void {
    if (this.#rings.get(ring.key) !== ring) return
    if (seen.kind === 'failed') this.#failed(ring, seen.error)
    else this.#answered(ring)
    this.#lookAfter(ring, pauseMs(seen, ring.failures))
  }

  #failed(ring: Ring, error: unknown): void {
    ring.failures++
    // A single one is a limit that was met, mostly.
    if (ring.failures === 1) return
    if (this.#failing.size === 0) {
      const reason = asEngineError(error).message
      this.#logger.warn('sources of hibernating applications do not answer; they are asked again', { reason })
    }
    this.#failing.add(ring)
  }

  #answered(ring: Ring): void {
    ring.failures = 0
    if (this.#failing.delete(ring) && this.#failing.size === 0) {
      this.#logger.info('sources of hibernating applications answer again')
    }
  }

  #forget(ring: Ring): void {
    ring.timer?.cancel()
    this.#failing.delete(ring)
    if (this.#rings.get(ring.key) === ring) this.#rings.delete(ring.key)
  }
}

function pauseMs({ kind }: ShardLook, failures: number): number {
  switch (kind) {
    case 'empty':
      return intervalMs
    case 'behind':
      return behindMs
    case 'over':
      return 0
    case 'failed':
      return failures === 1 ? pausesMs.first : pausesMs.next
  }
}
