import type { Random } from '../../common/random.ts'
import { hashPartitioner } from '../exchange/hash-partitioner.ts'
import {
  broadcastPartitioner,
  globalPartitioner,
  type Partitioner,
  rebalancePartitioner,
} from '../exchange/partitioner.ts'

/** How the records of an edge are spread over the consumer's subtasks. */
export type PartitionerDescription =
  | { readonly kind: 'forward' | 'rebalance' | 'broadcast' | 'global' }
  | { readonly kind: 'hash'; readonly keySelector: (value: any) => unknown; readonly operator: string }

/** The partitioner of one producer subtask; `parallelism` is the consumer's. */
export function createPartitioner(
  description: PartitionerDescription,
  about: { readonly parallelism: number; readonly maxParallelism: number; readonly random: Random },
): Partitioner {
  switch (description.kind) {
    // A forward edge has one channel: to the consumer of the same index.
    case 'forward':
    case 'global':
      return globalPartitioner
    case 'broadcast':
      return broadcastPartitioner
    case 'rebalance':
      return rebalancePartitioner(about.parallelism, about.random)
    case 'hash':
      return hashPartitioner({ ...description, ...about })
  }
}
