import type { RestoredState } from '../operators/operator.ts'
import { readSnapshotFile, redistribute, type SnapshotContents } from '../state/snapshot-file.ts'
import type { FileSystems } from '../storage/file-systems.ts'
import type { OperatorStateLocation } from './messages.ts'

/**
 * Reads what a checkpoint holds for the operators of this thread. Files are read once each, however many subtasks need them.
 * At the old parallelism a subtask needs its own file only, at another one all of the operator's (rules ST-6, ST-7).
 */
export class RestoredOperators {
  readonly #fileSystems: FileSystems
  readonly #locations: ReadonlyMap<string, OperatorStateLocation>
  readonly #contents = new Map<string, Promise<SnapshotContents>>()

  constructor(locations: readonly OperatorStateLocation[], fileSystems: FileSystems) {
    this.#fileSystems = fileSystems
    this.#locations = new Map(locations.map((location) => [location.operatorId, location]))
  }

  async restore(operatorId: string, subtask: number, parallelism: number): Promise<RestoredState | undefined> {
    const location = this.#locations.get(operatorId)
    if (location === undefined) return undefined
    const sameParallelism = location.files.length === parallelism
    const files = sameParallelism ? [location.files[subtask] as string] : location.files
    const contents = await Promise.all(files.map((file) => this.#read(file)))
    return {
      keyed: contents.flatMap((content) => content.keyed(operatorId)),
      list(name) {
        const elements = contents.map((content) => content.operator(operatorId, name))
        return sameParallelism ? elements.flat() : (redistribute(elements, parallelism)[subtask] ?? [])
      },
    }
  }

  #read(file: string): Promise<SnapshotContents> {
    let contents = this.#contents.get(file)
    if (contents === undefined) {
      contents = this.#fileSystems
        .forPath(file)
        .read(file)
        .then((bytes) => readSnapshotFile(bytes))
      this.#contents.set(file, contents)
    }
    return contents
  }
}
