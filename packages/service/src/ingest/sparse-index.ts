/** Where a frame begins. */
export interface IndexPoint {
  readonly index: number
  readonly arrivalMs: number
  readonly offset: number
}

const spacingBytes = 64 << 10

/** Every so many bytes of a segment the place of one frame: a seek reads at most that far too much. Built in log order. */
export class SparseIndex {
  readonly #points: IndexPoint[] = []

  /** Offers a frame; kept when it is far enough behind the last one kept. */
  add(index: number, arrivalMs: number, offset: number): void {
    const last = this.#points.at(-1)
    if (last === undefined || offset - last.offset >= spacingBytes) this.#points.push({ index, arrivalMs, offset })
  }

  /** The last kept frame with an index of at most `index`. */
  atOrBelow(index: number): IndexPoint | undefined {
    return this.#lastWhere((point) => point.index <= index)
  }

  /** The last kept frame that arrived before `arrivalMs`. */
  before(arrivalMs: number): IndexPoint | undefined {
    return this.#lastWhere((point) => point.arrivalMs < arrivalMs)
  }

  /** Binary search: `holds` is true for a prefix of the points. */
  #lastWhere(holds: (point: IndexPoint) => boolean): IndexPoint | undefined {
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(this.#points[middle]!)) low = middle + 1
      else high = middle
    }
    return this.#points[low - 1]
  }
}
