import type { KinesisSplit } from './splits.ts'

/**
 * Splits by subtask: in the order of their hash ranges, as many to each as possible. Where ranges are equal that is
 * Flink's uniform assigner; where they are skewed it balances the number of shards, which is what is throttled.
 */
export function assignUniformly(splits: readonly KinesisSplit[], parallelism: number): Map<number, KinesisSplit[]> {
  const inOrder = [...splits].sort(byHashRange)
  const assigned = new Map<number, KinesisSplit[]>()
  for (const [i, split] of inOrder.entries()) {
    const subtask = Math.floor((i * parallelism) / inOrder.length)
    assigned.set(subtask, [...(assigned.get(subtask) ?? []), split])
  }
  return assigned
}

/**
 * The subtask for a split found while others are being read: its parent's, where it continues the parent's watermark,
 * unless that has its share already; then the one with the fewest splits, the first of several.
 *
 * @param loads number of splits by subtask, without this one
 * @param parentSubtasks where its parents were read
 */
export function subtaskForNewSplit(loads: readonly number[], parentSubtasks: readonly number[]): number {
  const share = Math.ceil((loads.reduce((sum, load) => sum + load, 0) + 1) / loads.length)
  const near = parentSubtasks.find((subtask) => loads[subtask]! < share)
  return near ?? loads.indexOf(Math.min(...loads))
}

function byHashRange(a: KinesisSplit, b: KinesisSplit): number {
  const difference = BigInt(a.startingHashKey) - BigInt(b.startingHashKey)
  if (difference !== 0n) return difference < 0n ? -1 : 1
  return a.id < b.id ? -1 : 1
}
