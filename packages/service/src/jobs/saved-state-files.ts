import { join } from 'node:path'
import { type FileSystems, loadCheckpoint, type StoredCheckpoint, splitsOf } from '@millrace/engine/host'
import { asEngineError, type Split } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { CopyReach, SavedStates } from './job-launcher.ts'
import { applicationPlaces } from './places.ts'

/** Where the state of jobs lies. */
export interface StateSettings {
  readonly dataDirectory: string
  /** A folder or an `s3://` URL that other nodes can reach; each application's own folder unless given. */
  readonly stateRoot?: string | undefined
}

/** Where an application's checkpoints and savepoints lie. */
export interface StatePlaces {
  readonly checkpoints: string
  readonly savepoints: string
}

const METADATA = '_metadata'
const splitsAttempts = 3

/** An application of an earlier one's name has another folder in shared storage: a late process can't meddle there. */
export function statePlaces(
  { dataDirectory, stateRoot }: StateSettings,
  { name, createdMs }: Pick<ApplicationRecord, 'name' | 'createdMs'>,
): StatePlaces {
  if (stateRoot === undefined) return applicationPlaces(dataDirectory, name)
  const folder = `${trimmed(stateRoot)}/apps/${name}-${Math.floor(createdMs / 1000)}`
  return { checkpoints: `${folder}/checkpoints`, savepoints: `${folder}/savepoints` }
}

/** Savepoints and checkpoints in the file systems that paths name. */
export class SavedStateFiles implements SavedStates {
  readonly #settings: StateSettings
  readonly #fileSystems: FileSystems

  constructor(settings: StateSettings, fileSystems: FileSystems) {
    this.#settings = settings
    this.#fileSystems = fileSystems
  }

  async sizeOf(folder: string): Promise<number> {
    const fileSystem = this.#fileSystems.forPath(folder)
    await loadCheckpoint(folder, fileSystem)
    return (await fileSystem.list(folder)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  async copy(from: string, to: string, reach: CopyReach = {}): Promise<number> {
    const { source = this.#fileSystems.forPath(from), target = this.#fileSystems.forPath(to) } = reach
    await loadCheckpoint(from, source)
    const files = await source.list(from)
    // Last: what looks like a savepoint is one.
    const ordered = [...files].sort((a, b) => Number(isMetadata(a.path)) - Number(isMetadata(b.path)))
    let bytes = 0
    for (const { path } of ordered) {
      const content = await source.read(path)
      await target.write(`${trimmed(to)}/${path.slice(trimmed(from).length + 1)}`, content)
      bytes += content.byteLength
    }
    return bytes
  }

  async remove(folder: string): Promise<void> {
    await this.#fileSystems.forPath(folder).delete(folder)
  }

  async hasCheckpoint(application: ApplicationRecord, sinceEpoch: number): Promise<boolean> {
    return (await this.#newestSince(application, sinceEpoch)) !== undefined
  }

  async splits(application: ApplicationRecord): Promise<readonly Split[] | undefined> {
    for (let attempt = 1; ; attempt++) {
      const state = await this.#newest(application)
      if (state === undefined) return undefined
      try {
        return await splitsOf(state, this.#fileSystems)
      } catch (error) {
        // A running job has completed newer ones meanwhile and removed this.
        if (asEngineError(error).code !== 'FILE_NOT_FOUND' || attempt === splitsAttempts) throw error
      }
    }
  }

  /** What the application would go on from. */
  async #newest(application: ApplicationRecord): Promise<StoredCheckpoint | undefined> {
    const { lineage } = application
    if (lineage === undefined) return undefined
    const { sinceEpoch, restoredFrom } = lineage
    const newest = await this.#newestSince(application, sinceEpoch)
    if (newest !== undefined || restoredFrom === undefined) return newest
    return loadCheckpoint(restoredFrom, this.#fileSystems.forPath(restoredFrom))
  }

  async #newestSince(application: ApplicationRecord, sinceEpoch: number): Promise<StoredCheckpoint | undefined> {
    const { checkpoints } = statePlaces(this.#settings, application)
    const fileSystem = this.#fileSystems.forPath(checkpoints)
    const folders = (await fileSystem.list(checkpoints))
      .filter(({ path }) => isMetadata(path))
      .map(({ path }) => path.slice(0, -METADATA.length - 1))
    let newest: StoredCheckpoint | undefined
    for (const folder of folders) {
      try {
        const found = await loadCheckpoint(folder, fileSystem)
        const { owner, checkpointId } = found.record
        if (owner.epoch >= sinceEpoch && checkpointId > (newest?.record.checkpointId ?? 0)) newest = found
      } catch (error) {
        // A record of another kind, or one that a running job has just removed.
        if (asEngineError(error).code !== 'SAVEPOINT_NOT_FOUND') throw error
      }
    }
    return newest
  }

  keptFolder(snapshotName: string): string {
    const { stateRoot, dataDirectory } = this.#settings
    return stateRoot === undefined
      ? join(dataDirectory, 'snapshots', snapshotName)
      : `${trimmed(stateRoot)}/snapshots/${snapshotName}`
  }

  /** All of an application that lies in shared storage. */
  async removeAll(application: ApplicationRecord): Promise<void> {
    if (this.#settings.stateRoot === undefined) return
    const { checkpoints } = statePlaces(this.#settings, application)
    await this.remove(checkpoints.slice(0, checkpoints.lastIndexOf('/')))
  }
}

function isMetadata(path: string): boolean {
  return path.endsWith(`/${METADATA}`)
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '')
}
