import { EngineError } from '../common/errors.ts'
import { SPLITS_STATE } from '../runtime/source/source-operator.ts'
import { readSnapshotFile } from '../runtime/state/snapshot-file.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import type { OperatorStateLocation } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import type { Split } from '../spi/source.ts'
import type { StoredCheckpoint } from './checkpoint-storage.ts'

/**
 * Fits a checkpoint to a graph: every operator's state finds its operator by id (rules CP-14, CP-15).
 * Errors (invalid): `SAVEPOINT_STATE_UNMAPPED` unless `allowNonRestoredState`, `MAX_PARALLELISM_MISMATCH`.
 */
export function mapState(
  { folder, record }: StoredCheckpoint,
  graph: JobGraph,
  allowNonRestoredState: boolean,
): readonly OperatorStateLocation[] {
  if (record.maxParallelism !== graph.maxParallelism) {
    throw new EngineError('MAX_PARALLELISM_MISMATCH', {
      kind: 'invalid',
      message: `${folder} was written with maxParallelism ${record.maxParallelism}, the application has ${graph.maxParallelism}.`,
      hint: `Set maxParallelism to ${record.maxParallelism}: it can't change once there is state.`,
      details: { folder, stored: record.maxParallelism, application: graph.maxParallelism },
    })
  }
  const known = new Set(graph.tasks.flatMap((task) => task.operators.map((operator) => operator.id)))
  const named = new Map(record.operators.map(({ operatorId, operatorName }) => [operatorId, operatorName]))
  for (const operatorId of [...named.keys(), ...record.enumerators.map((enumerator) => enumerator.operatorId)]) {
    if (!known.has(operatorId) && !allowNonRestoredState) throw unmapped(folder, operatorId, named.get(operatorId))
  }
  return record.operators
    .filter(({ operatorId }) => known.has(operatorId))
    .map(({ operatorId, files }) => ({ operatorId, files: files.map((file) => `${folder}/${file}`) }))
}

function unmapped(folder: string, operatorId: string, operatorName = 'a source'): EngineError {
  return new EngineError('SAVEPOINT_STATE_UNMAPPED', {
    kind: 'invalid',
    message: `${folder} holds state of operator '${operatorId}' (${operatorName}), which the application doesn't have.`,
    hint: 'Give the operator its old uid, or start with --allow-non-restored-state to drop that state.',
    details: { folder, operatorId, operatorName },
  })
}

/** The splits that a source's readers held in a checkpoint, for the enumerator to assign anew. */
export async function restoredSplits(
  operatorId: string,
  locations: readonly OperatorStateLocation[],
  fileSystems: FileSystems,
): Promise<readonly Split[]> {
  const files = locations.find((location) => location.operatorId === operatorId)?.files ?? []
  const perFile = await Promise.all(
    files.map(async (file) => {
      const contents = readSnapshotFile(await fileSystems.forPath(file).read(file))
      return contents.operator(operatorId, SPLITS_STATE) as readonly Split[]
    }),
  )
  return perFile.flat()
}

/** Where all readers of a checkpoint stand: the splits of every source, with their positions. */
export async function splitsOf(
  { folder, record }: StoredCheckpoint,
  fileSystems: FileSystems,
): Promise<readonly Split[]> {
  const locations = record.operators.map(({ operatorId, files }) => ({
    operatorId,
    files: files.map((file) => `${folder}/${file}`),
  }))
  const perOperator = await Promise.all(
    locations.map(({ operatorId }) => restoredSplits(operatorId, locations, fileSystems)),
  )
  return perOperator.flat()
}
