import { type Operation, PAGE_SIZE } from './operation.ts'
import { checkedToken } from './page-token.ts'
import { snapshotNotFound, summarizeSnapshotOperation } from './snapshot-description.ts'

/** Newest first; they are kept when the snapshot is gone. */
export const listSnapshotOperations: Operation<'ListSnapshotOperations'> = async (input, { store }) => {
  const { SnapshotName, SnapshotOperation: name, SnapshotOperationStatus: status, NextToken, Limit = PAGE_SIZE } = input
  const known = await store.listSnapshotOperations(SnapshotName, {}, undefined, 1)
  if (known.items.length === 0) throw snapshotNotFound(SnapshotName)
  const after = checkedToken(NextToken)
  const { items, next } = await store.listSnapshotOperations(SnapshotName, { name, status }, after, Limit)
  return { SnapshotOperationInfoList: items.map(summarizeSnapshotOperation), NextToken: next }
}
