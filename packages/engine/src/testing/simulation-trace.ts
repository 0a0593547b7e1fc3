const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** What happened in a simulation, as a hash and the last lines: two runs of one seed must agree (invariant 5). */
export class SimulationTrace {
  readonly #kept: number
  readonly #lines: string[] = []
  #hash = FNV_OFFSET
  #length = 0

  /** `kept`: how many of the last lines are remembered. */
  constructor(kept = 200) {
    this.#kept = kept
  }

  note(line: string): void {
    let hash = this.#hash
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), FNV_PRIME)
    this.#hash = Math.imul(hash ^ 0x0a, FNV_PRIME)
    this.#length++
    this.#lines.push(line)
    if (this.#lines.length > 2 * this.#kept) this.#lines.splice(0, this.#kept)
  }

  get hash(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, '0')}-${this.#length}`
  }

  get lastLines(): readonly string[] {
    return this.#lines.slice(-this.#kept)
  }
}
