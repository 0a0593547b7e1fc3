import type { Random } from '../../common/random.ts'

export { hashPartitioner } from './hash-partitioner.ts'

/** A partitioner's answer for a record that goes to every channel. */
export const ALL_CHANNELS = -1

/** Decides which of a subtask's outgoing channels a record takes. Has state (a position); one for each subtask and edge. */
export interface Partitioner {
  /** An index below the number of channels, or `ALL_CHANNELS`. */
  channelFor(value: unknown): number
}

/** To the first consumer. */
export const globalPartitioner: Partitioner = { channelFor: () => 0 }

/** To every consumer. */
export const broadcastPartitioner: Partitioner = { channelFor: () => ALL_CHANNELS }

/** One after the other, from a random start, so that the subtasks of one producer don't all begin with consumer 0. */
export function rebalancePartitioner(channels: number, random: Random): Partitioner {
  return roundRobin(0, channels, random.int(0, channels - 1))
}

/** One after the other within the local group: the channels [first, end) that `rescaleTargets` answers. */
export function rescalePartitioner(first: number, end: number): Partitioner {
  return roundRobin(first, end, first)
}

function roundRobin(first: number, end: number, start: number): Partitioner {
  let next = start
  return {
    channelFor() {
      const channel = next
      next = channel + 1 === end ? first : channel + 1
      return channel
    },
  }
}

/**
 * The consumers a producer subtask is connected with on a rescale edge, `first` included, `end` excluded: 2 → 4 gives
 * 0 → [0, 2) and 1 → [2, 4); 4 → 2 joins pairs. Equal parallelism is a forward edge.
 * Source: Flink 2.3, EdgeManagerBuildUtil.connectPointwise (rule JN-8).
 */
export function rescaleTargets(
  producer: number,
  producers: number,
  consumers: number,
): { readonly first: number; readonly end: number } {
  if (producers >= consumers) {
    // Consumer c reads the producers [floor(c·P/C), floor((c+1)·P/C)): the c that holds this one.
    const first = Math.floor(((producer + 1) * consumers - 1) / producers)
    return { first, end: first + 1 }
  }
  const bound = (index: number): number => Math.floor((index * consumers + producers - 1) / producers)
  return { first: bound(producer), end: bound(producer + 1) }
}
