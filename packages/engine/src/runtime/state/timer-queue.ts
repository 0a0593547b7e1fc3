import { EngineError } from '../../common/errors.ts'
import { keyOfMapKey, mapKeyOrNull } from '../../types/key.ts'
import type { KeyTable } from './key-table.ts'
import { QueuedTimer, type Timer } from './timer.ts'
import { TimerBucket } from './timer-bucket.ts'
import { TimestampHeap } from './timestamp-heap.ts'

/**
 * The timers of one operator for one kind of time: a set of (timestamp, key, namespace).
 * Source: rules TM-10 and TM-11 of the semantics.
 */
export interface TimerQueue {
  /** Registers for the current key; again is the same timer. One in the past fires at the next `advance`. */
  register(timestampMs: number, namespace: unknown): void
  /** Takes back a timer of the current key; one that isn't there is nobody's fault. */
  delete(timestampMs: number, namespace: unknown): void
  /** Of the first timer; `Infinity` when there is none. */
  peekTimestamp(): number
  /**
   * Fires all with `timestampMs ≤ timeMs`, lowest first; equal ones by key group, encoded key, encoded namespace. The
   * timer's key is in hand when `fire` is called. What `fire` registers with a timestamp ≤ `timeMs` fires too.
   */
  advance(timeMs: number, fire: (timer: Timer) => void): void
  readonly size: number
}

/** Below this many timestamps without timers there is nothing to gain from sweeping them out. */
const FEW = 64

/** A heap of timestamps with a bucket of timers for each: windows make many timers of few timestamps. */
export class HeapTimerQueue implements TimerQueue {
  readonly name: string
  readonly #table: KeyTable
  readonly #timestamps = new TimestampHeap()
  /** Exactly the timestamps of the heap; buckets may be empty after deletions. */
  readonly #buckets = new Map<number, TimerBucket>()
  #emptyBuckets = 0
  #size = 0

  constructor(name: string, table: KeyTable) {
    this.name = name
    this.#table = table
  }

  get size(): number {
    return this.#size
  }

  register(timestampMs: number, namespace: unknown): void {
    const table = this.#table
    const mapped = table.currentMapKey()
    const namespaceMapKey = mapKeyOrNull(namespace, 'namespace')
    const bucket = this.#buckets.get(timestampMs)
    if (bucket?.has(mapped, namespaceMapKey)) return
    if (bucket === undefined) this.#checkTimestamp(timestampMs)
    const keyGroup = table.currentKeyGroup()
    // As in state: tuples and bytes are the queue's own copies.
    const key = keyOfMapKey(mapped)
    const own = keyOfMapKey(namespaceMapKey)
    this.#add(new QueuedTimer(timestampMs, key, mapped, keyGroup, own, namespaceMapKey), bucket)
  }

  delete(timestampMs: number, namespace: unknown): void {
    const mapped = this.#table.currentMapKey()
    const bucket = this.#buckets.get(timestampMs)
    if (!bucket?.delete(mapped, mapKeyOrNull(namespace, 'namespace'))) return
    this.#size--
    if (bucket.size > 0) return
    this.#emptyBuckets++
    if (this.#emptyBuckets > FEW && this.#emptyBuckets * 2 > this.#buckets.size) this.#sweepEmptyBuckets()
  }

  peekTimestamp(): number {
    return this.#firstBucket() === undefined ? Number.POSITIVE_INFINITY : this.#timestamps.peek()!
  }

  advance(timeMs: number, fire: (timer: Timer) => void): void {
    for (;;) {
      const bucket = this.#firstBucket()
      if (bucket === undefined || this.#timestamps.peek()! > timeMs) return
      const timer = bucket.takeFirst()!
      this.#size--
      if (bucket.size === 0) this.#emptyBuckets++
      this.#table.setCurrent(timer.key)
      fire(timer)
    }
  }

  /** All timers at this instant. They don't change afterwards but for being live. */
  copy(): QueuedTimer[] {
    const timers: QueuedTimer[] = []
    for (const bucket of this.#buckets.values()) for (const timer of bucket.all()) timers.push(timer)
    return timers
  }

  /** Takes in a timer from a snapshot; returns false when it is there already. */
  restore(timer: QueuedTimer): boolean {
    const bucket = this.#buckets.get(timer.timestampMs)
    if (bucket?.has(timer.mapKey, timer.namespaceMapKey)) return false
    this.#add(timer, bucket)
    return true
  }

  #add(timer: QueuedTimer, present: TimerBucket | undefined): void {
    let bucket = present
    if (bucket === undefined) {
      bucket = new TimerBucket()
      this.#buckets.set(timer.timestampMs, bucket)
      this.#timestamps.push(timer.timestampMs)
    } else if (bucket.size === 0) this.#emptyBuckets--
    bucket.add(timer)
    this.#size++
  }

  /** The first bucket that holds a timer: empty ones before it leave. */
  #firstBucket(): TimerBucket | undefined {
    for (;;) {
      const timestampMs = this.#timestamps.peek()
      if (timestampMs === undefined) return undefined
      const bucket = this.#buckets.get(timestampMs)!
      if (bucket.size > 0) return bucket
      this.#timestamps.pop()
      this.#buckets.delete(timestampMs)
      this.#emptyBuckets--
    }
  }

  /** A timer moved again and again (a session that grows) would otherwise leave its old timestamps behind for long. */
  #sweepEmptyBuckets(): void {
    for (const [timestampMs, bucket] of this.#buckets) if (bucket.size === 0) this.#buckets.delete(timestampMs)
    this.#emptyBuckets = 0
    this.#timestamps.replace(this.#buckets.keys())
  }

  #checkTimestamp(timestampMs: number): void {
    if (typeof timestampMs === 'number' && !Number.isNaN(timestampMs)) return
    throw new EngineError('TIMER_TIMESTAMP_INVALID', {
      kind: 'application',
      message: `Operator '${this.#table.operatorId}' registered a timer for ${String(timestampMs)}.`,
      hint: 'A timer is registered for a number: epoch milliseconds.',
      details: { operatorId: this.#table.operatorId },
    })
  }
}
