import { invariant } from '../../common/errors.ts'

/**
 * Splits the elements of one of an operator's lists over its new subtasks (SPLIT redistribution, rule ST-6). At the same
 * parallelism nothing moves. Otherwise the elements, in the order of the old subtasks, are cut into contiguous runs; the
 * `total mod parallelism` that are one element longer begin at subtask `firstLonger`. Pass `nextFirstLonger` on to the
 * operator's next list, so that the longer runs of several lists don't gather at the first subtasks.
 * Source: Flink's `RoundRobinOperatorStateRepartitioner`.
 */
export function redistribute(
  elementsBySubtask: readonly (readonly unknown[])[],
  parallelism: number,
  firstLonger = 0,
): unknown[][] {
  invariant(Number.isInteger(parallelism) && parallelism >= 1, 'parallelism is at least 1', { parallelism })
  if (elementsBySubtask.length === parallelism) return elementsBySubtask.map((each) => [...each])
  const all = elementsBySubtask.flat(1)
  const runLength = Math.floor(all.length / parallelism)
  const longerRuns = all.length % parallelism
  let next = 0
  return Array.from({ length: parallelism }, (_, subtask) => {
    const isLonger = (subtask - firstLonger + parallelism) % parallelism < longerRuns
    const start = next
    next += runLength + (isLonger ? 1 : 0)
    return all.slice(start, next)
  })
}

/** Where the longer runs of an operator's next list begin. */
export function nextFirstLonger(
  elementsBySubtask: readonly (readonly unknown[])[],
  parallelism: number,
  firstLonger = 0,
): number {
  if (elementsBySubtask.length === parallelism) return firstLonger
  const total = elementsBySubtask.reduce((sum, each) => sum + each.length, 0)
  return (firstLonger + (total % parallelism)) % parallelism
}
