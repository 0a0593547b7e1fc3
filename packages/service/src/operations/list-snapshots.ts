import type { Shapes } from '../model/shapes.ts'
import { accountScope, type SnapshotInitiator } from '../snapshots/snapshot-record.ts'
import type { SnapshotFilter } from '../storage/snapshot-store.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { type Operation, PAGE_SIZE } from './operation.ts'
import { checkedToken } from './page-token.ts'
import { summarizeSnapshot } from './snapshot-description.ts'

const byInitiator: Readonly<Record<'USER' | 'SYSTEM', readonly SnapshotInitiator[]>> = {
  USER: ['CreateSnapshot', 'ImportSnapshot'],
  SYSTEM: ['SystemCreateSnapshot'],
}

/** Enhanced snapshots, newest first, by one filter at most. */
export const listSnapshots: Operation<'ListSnapshots'> = async (input, context) => {
  const { NextToken, Limit = PAGE_SIZE } = input
  const filter = filterOf(input)
  const { items, next } = await context.store.listSnapshots(accountScope, filter, checkedToken(NextToken), Limit)
  return { SnapshotInfoList: items.map((snapshot) => summarizeSnapshot(snapshot, context)), NextToken: next }
}

function filterOf(input: Shapes['ListSnapshotsRequest']): SnapshotFilter {
  const { SourceApplicationName, SnapshotInitiator: initiator, SnapshotInitiatorOperation, SnapshotStatus } = input
  const given = [SourceApplicationName, initiator, SnapshotInitiatorOperation, SnapshotStatus]
  if (given.filter((one) => one !== undefined).length > 1) {
    throw invalidArgument('Only one of the filters of ListSnapshots can be given.')
  }
  return {
    applicationName: SourceApplicationName,
    status: SnapshotStatus,
    initiators:
      initiator !== undefined ? byInitiator[initiator] : SnapshotInitiatorOperation && [SnapshotInitiatorOperation],
  }
}
