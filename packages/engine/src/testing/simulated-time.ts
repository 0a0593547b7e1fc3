import { type Cancellable, type Clock, type Scheduler, systemScheduler } from '../common/clock.ts'
import { seededRandom } from '../common/random.ts'

interface LoopTimer {
  readonly dueMs: number
  readonly order: number
  readonly fn: () => void
  cancelled: boolean
}

/** How much a reading of the monotonic clock costs at most, ms: work takes time, so that things meet half done. */
const MAX_READING_MS = 0.3
/** Lets the machine's own events in once in so many simulated ones. */
const EVENTS_PER_BREATH = 2000

/**
 * Time for a whole cluster in one thread: every simulated thread has an event loop of its own, and which loop goes next
 * is chance from the seed. Same seed, same order, as long as nothing waits for real I/O.
 *
 * Within a loop the `Scheduler` contract holds: `soon` by arrival, timers by due time, ties by arrival.
 */
export class SimulatedTime {
  /** The wall clock of the simulated machines: epoch ms, whole. */
  readonly clock: Clock
  readonly #random: ReturnType<typeof seededRandom>
  readonly #startMs: number
  readonly #loops: EventLoop[] = []
  #nowMs = 0
  #events = 0
  #failures: unknown[] = []

  constructor(seed: number, startMs = 1_700_000_000_000) {
    this.#random = seededRandom(seed)
    this.#startMs = startMs
    this.clock = { now: () => Math.floor(this.#startMs + this.#nowMs), monotonicMs: () => this.#nowMs }
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Events run so far, over all loops. */
  get events(): number {
    return this.#events
  }

  /** What was thrown out of an event: where a process would have crashed. */
  get failures(): readonly unknown[] {
    return this.#failures
  }

  loop(name: string): EventLoop {
    const loop = new EventLoop(name, this.#startMs, {
      now: () => this.#nowMs,
      spend: () => {
        this.#nowMs += this.#random.next() * MAX_READING_MS
      },
      died: (dead) => this.#loops.splice(this.#loops.indexOf(dead), 1),
    })
    this.#loops.push(loop)
    return loop
  }

  /** Runs events until the promise has settled. Throws when nothing is left to do, or `limitMs` have passed, before that. */
  async until<R>(promise: Promise<R>, limitMs: number): Promise<R> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    const endMs = this.#nowMs + limitMs
    await microtasks()
    while (!settled) {
      if (!(await this.step())) throw new Error(`the simulation stands still after ${Math.round(this.#nowMs)} ms`)
      if (this.#nowMs > endMs) throw new Error(`not done after ${Math.round(limitMs)} simulated ms`)
    }
    return promise
  }

  /** Runs everything that falls due within `ms`. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await microtasks()
    while (this.#nextDueMs() <= endMs) await this.step()
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }

  /** One event of one loop, with all promises settled after it. False: nothing will ever happen again. */
  async step(): Promise<boolean> {
    const dueMs = this.#nextDueMs()
    if (dueMs === Number.POSITIVE_INFINITY) return false
    if (dueMs > this.#nowMs) this.#nowMs = dueMs
    const ready = this.#loops.filter((loop) => loop.dueMs() <= this.#nowMs)
    const loop = ready[ready.length === 1 ? 0 : this.#random.int(0, ready.length - 1)] as EventLoop
    try {
      loop.runOne(this.#random.next() < 0.5)
    } catch (error) {
      this.#failures.push(error)
    }
    await microtasks()
    if (++this.#events % EVENTS_PER_BREATH === 0) await new Promise<void>((resolve) => systemScheduler.soon(resolve))
    return true
  }

  #nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const loop of this.#loops) dueMs = Math.min(dueMs, loop.dueMs())
    return dueMs
  }
}

interface LoopWorld {
  now(): number
  spend(): void
  died(loop: EventLoop): void
}

/** One simulated thread's loop and clock. */
export class EventLoop implements Scheduler, Clock {
  readonly name: string
  readonly #startMs: number
  readonly #world: LoopWorld
  readonly #timers: LoopTimer[] = []
  #soon: (() => void)[] = []
  #order = 0
  #state: 'running' | 'paused' | 'dead' = 'running'

  constructor(name: string, startMs: number, world: LoopWorld) {
    this.name = name
    this.#startMs = startMs
    this.#world = world
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  now(): number {
    return Math.floor(this.#startMs + this.#world.now())
  }

  /** Reading it takes time: a loop that looks at the clock moves on. */
  monotonicMs(): number {
    this.#world.spend()
    return this.#world.now()
  }

  after(delayMs: number, fn: () => void): Cancellable {
    if (this.#state === 'dead') return { cancel() {} }
    const timer = { dueMs: this.#world.now() + Math.max(0, delayMs), order: this.#order++, fn, cancelled: false }
    push(this.#timers, timer)
    return {
      cancel: () => {
        timer.cancelled = true
      },
    }
  }

  soon(fn: () => void): void {
    if (this.#state !== 'dead') this.#soon.push(fn)
  }

  /** Ends at once, wherever it is: nothing that was to come comes. */
  kill(): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#soon = []
    this.#timers.length = 0
    this.#world.died(this)
  }

  /** Stands still, as a stopped process does; what falls due meanwhile comes late. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'running'
  }

  /** When it has something to do, in simulated ms. */
  dueMs(): number {
    if (this.#state !== 'running') return Number.POSITIVE_INFINITY
    if (this.#soon.length > 0) return Number.NEGATIVE_INFINITY
    this.#dropCancelled()
    return this.#timers[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Runs the next `soon` or the next due timer; `timersFirst` decides when there are both. */
  runOne(timersFirst: boolean): void {
    this.#dropCancelled()
    const timerIsDue = (this.#timers[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= this.#world.now()
    const fn = timerIsDue && (timersFirst || this.#soon.length === 0) ? pop(this.#timers).fn : this.#soon.shift()
    fn?.()
  }

  #dropCancelled(): void {
    while (this.#timers[0]?.cancelled === true) pop(this.#timers)
  }
}

/** All promise reactions, and those they bring about, come before the next tick. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

function isBefore(a: LoopTimer, b: LoopTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}

/** A binary heap: the earliest timer first. */
function push(heap: LoopTimer[], timer: LoopTimer): void {
  let i = heap.length
  heap.push(timer)
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = heap[parent] as LoopTimer
    if (!isBefore(timer, above)) break
    heap[i] = above
    i = parent
  }
  heap[i] = timer
}

function pop(heap: LoopTimer[]): LoopTimer {
  const first = heap[0] as LoopTimer
  const last = heap.pop() as LoopTimer
  if (heap.length === 0) return first
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    const right = heap[child + 1]
    if (right !== undefined && isBefore(right, heap[child] as LoopTimer)) child++
    const below = heap[child] as LoopTimer
    if (!isBefore(below, last)) break
    heap[i] = below
    i = child
  }
  heap[i] = last
  return first
}
