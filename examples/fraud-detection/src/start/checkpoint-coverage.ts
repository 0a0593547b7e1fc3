import { type FileSystems, loadCheckpoint, splitsOf } from '@millrace/engine/host'

/** Whether a checkpoint has read up to these sequence numbers by shard; false for one that isn't there any more. */
export async function covers(
  checkpointPath: string,
  positions: Readonly<Record<string, string>>,
  fileSystems: FileSystems,
): Promise<boolean> {
  try {
    const checkpoint = await loadCheckpoint(checkpointPath, fileSystems.forPath(checkpointPath))
    const read = new Map((await splitsOf(checkpoint, fileSystems)).map((split) => [split.id, positionOf(split)]))
    return Object.entries(positions).every(([shard, last]) => BigInt(read.get(shard) ?? 0) >= BigInt(last))
  } catch (error) {
    // The next checkpoint may have replaced it meanwhile.
    const { code } = error as { code?: string }
    if (code === 'SAVEPOINT_NOT_FOUND' || code === 'FILE_NOT_FOUND') return false
    throw error
  }
}

function positionOf(split: unknown): string {
  const { position } = split as { position?: { sequenceNumber?: string } }
  return position?.sequenceNumber ?? '0'
}
