/** An invariant of ARCHITECTURE.md that didn't hold, or `result` and `progress`: the output is wrong, the job hangs. */
export type CheckedInvariant =
  | 'order'
  | 'ownership'
  | 'commit'
  | 'bounds'
  | 'determinism'
  | 'fence'
  | 'acknowledged'
  | 'silence'
  | 'result'
  | 'progress'

export interface Violation {
  readonly invariant: CheckedInvariant
  readonly message: string
}

const MAX_KEPT = 20

/** What the checkers of one simulation have found. */
export class Violations {
  readonly found: Violation[] = []

  report(invariant: CheckedInvariant, message: string): void {
    if (this.found.length < MAX_KEPT) this.found.push({ invariant, message })
  }
}
