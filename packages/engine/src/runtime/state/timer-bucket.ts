import { QueuedTimer } from './timer.ts'

/**
 * The timers of one timestamp. Nearly always a key has one of them, which then stands in the map itself; a key with
 * several namespaces has a map of its own. The order is worked out when the first one fires.
 */
export class TimerBucket {
  readonly #byKey = new Map<unknown, QueuedTimer | Map<unknown, QueuedTimer>>()
  /** Once the bucket has begun to fire: those left, the last one first, among them some no longer live. */
  #order: QueuedTimer[] | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  has(mapped: unknown, namespaceMapKey: unknown): boolean {
    return this.#find(mapped, namespaceMapKey) !== undefined
  }

  /** Adds a timer that it doesn't have. */
  add(timer: QueuedTimer): void {
    const present = this.#byKey.get(timer.mapKey)
    if (present === undefined) this.#byKey.set(timer.mapKey, timer)
    else if (present instanceof QueuedTimer) {
      const both = new Map([
        [present.namespaceMapKey, present],
        [timer.namespaceMapKey, timer],
      ])
      this.#byKey.set(timer.mapKey, both)
    } else present.set(timer.namespaceMapKey, timer)
    this.#size++
    if (this.#order !== undefined) this.#insertInOrder(this.#order, timer)
  }

  /** Returns whether there was one. */
  delete(mapped: unknown, namespaceMapKey: unknown): boolean {
    const timer = this.#find(mapped, namespaceMapKey)
    if (timer === undefined) return false
    this.#remove(timer)
    return true
  }

  /** Takes the one that fires first. */
  takeFirst(): QueuedTimer | undefined {
    this.#order ??= [...this.all()].sort((a, b) => QueuedTimer.compare(b, a))
    for (;;) {
      const timer = this.#order.pop()
      if (timer === undefined || timer.live) {
        if (timer !== undefined) this.#remove(timer)
        return timer
      }
    }
  }

  /** In no particular order. */
  *all(): IterableIterator<QueuedTimer> {
    for (const each of this.#byKey.values()) {
      if (each instanceof QueuedTimer) yield each
      else yield* each.values()
    }
  }

  #find(mapped: unknown, namespaceMapKey: unknown): QueuedTimer | undefined {
    const present = this.#byKey.get(mapped)
    if (!(present instanceof QueuedTimer)) return present?.get(namespaceMapKey)
    // SameValueZero, as in a Map: a namespace may be NaN.
    const same = present.namespaceMapKey === namespaceMapKey || Object.is(present.namespaceMapKey, namespaceMapKey)
    return same ? present : undefined
  }

  #remove(timer: QueuedTimer): void {
    timer.live = false
    this.#size--
    const present = this.#byKey.get(timer.mapKey)
    if (present instanceof QueuedTimer) this.#byKey.delete(timer.mapKey)
    else if (present?.delete(timer.namespaceMapKey) && present.size === 0) this.#byKey.delete(timer.mapKey)
  }

  #insertInOrder(order: QueuedTimer[], timer: QueuedTimer): void {
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (QueuedTimer.compare(order[middle]!, timer) > 0) low = middle + 1
      else high = middle
    }
    order.splice(low, 0, timer)
  }
}
