import type { Clock } from '../common/clock.ts'
import { EngineError } from '../common/errors.ts'
import type { FileSystem } from '../spi/file-system.ts'
import {
  type CheckpointOwner,
  type CheckpointRecord,
  decodeMetadata,
  encodeMetadata,
  type MarkerRecord,
  type MetadataRecord,
} from './checkpoint-metadata.ts'

const METADATA = '_metadata'

/** A checkpoint and the folder its files lie in. */
export interface StoredCheckpoint {
  readonly folder: string
  readonly record: CheckpointRecord
}

/**
 * The checkpoints of one application, and the fence between its attempts.
 *
 * Checkpoint numbers are one sequence over all attempts. `chk-N/_metadata` is created exclusively, and only when every
 * number below it is taken and none above it; so once a newer attempt has written its takeover record, an older one can
 * complete nothing more, however long it slept (see docs/decisions/0003-fencing.md).
 */
export class CheckpointStorage {
  readonly folder: string
  readonly #fileSystem: FileSystem
  readonly #clock: Clock
  readonly #owner: CheckpointOwner
  /** The highest number known to be taken. */
  #last = 0
  #completed: readonly number[] = []

  constructor(folder: string, fileSystem: FileSystem, owner: CheckpointOwner, clock: Clock) {
    this.folder = folder.replace(/\/+$/, '')
    this.#fileSystem = fileSystem
    this.#owner = owner
    this.#clock = clock
  }

  get lastNumber(): number {
    return this.#last
  }

  /** Numbers of the complete checkpoints that this attempt found when it took over, ascending. */
  get completedBefore(): readonly number[] {
    return this.#completed
  }

  folderOf(checkpointId: number): string {
    return `${this.folder}/chk-${checkpointId}`
  }

  /**
   * Makes this attempt the owner: takes the next number of the sequence, trying again while others take it first.
   * Throws `FENCED` (fenced) when a record of a higher epoch is there. Answers with the newest checkpoint below it.
   */
  async takeOver(): Promise<StoredCheckpoint | undefined> {
    for (;;) {
      const numbers = await this.#takenNumbers()
      const records = await this.#recordsOf(numbers)
      this.#refuseNewerEpoch(records)
      const number = (numbers.at(-1) ?? 0) + 1
      if (!(await this.#create(number, this.#marker('takeover', number)))) continue
      // Whoever slept since it looked may have taken a number that was cleaned up meanwhile.
      if ((await this.#highest()) > number) continue
      this.#last = number
      const completed = records.filter(isComplete)
      this.#completed = completed.map(({ checkpointId }) => checkpointId)
      return this.#newestOf(completed)
    }
  }

  /** The highest epoch of any record, 0 when there is none. */
  async highestEpoch(): Promise<number> {
    const records = await this.#recordsOf(await this.#takenNumbers())
    return records.reduce((highest, { owner }) => Math.max(highest, owner.epoch), 0)
  }

  async newest(): Promise<StoredCheckpoint | undefined> {
    return this.#newestOf((await this.#recordsOf(await this.#takenNumbers())).filter(isComplete))
  }

  /** Completes a checkpoint. Throws `FENCED` when another attempt owns the sequence by now. */
  async complete(record: CheckpointRecord): Promise<void> {
    for (let number = this.#last + 1; number < record.checkpointId; number++) {
      await this.#createOwn(number, this.#marker('aborted', number))
    }
    await this.#createOwn(record.checkpointId, record)
    // A number that was cleaned up can be created again by an attempt that slept: the higher ones tell.
    const highest = await this.#highest()
    if (highest > record.checkpointId) throw this.#fenced(highest)
  }

  /** Removes all below `checkpointId`, also what aborted checkpoints left. */
  async removeBelow(checkpointId: number): Promise<void> {
    const below = new Set<number>()
    for (const { path } of await this.#fileSystem.list(this.folder)) {
      const number = numberOf(this.folder, path)
      if (number !== undefined && number < checkpointId) below.add(number)
    }
    for (const number of below) await this.#fileSystem.delete(this.folderOf(number))
  }

  async #createOwn(number: number, record: MetadataRecord): Promise<void> {
    if (!(await this.#createOrFind(number, record))) throw this.#fenced(number)
    this.#last = Math.max(this.#last, number)
  }

  /** True also when an earlier try of ours succeeded though its answer was lost. */
  async #createOrFind(number: number, record: MetadataRecord): Promise<boolean> {
    if (await this.#create(number, record)) return true
    const found = await this.#load(number)
    return found?.owner.nonce === this.#owner.nonce && found.owner.attempt === this.#owner.attempt
  }

  #create(number: number, record: MetadataRecord): Promise<boolean> {
    return this.#fileSystem.createExclusive(`${this.folderOf(number)}/${METADATA}`, encodeMetadata(record))
  }

  #marker(kind: MarkerRecord['kind'], checkpointId: number): MarkerRecord {
    return { kind, checkpointId, owner: this.#owner, timestampMs: this.#clock.now() }
  }

  /** Undefined when its owner has removed it meanwhile. */
  async #load(number: number): Promise<MetadataRecord | undefined> {
    const path = `${this.folderOf(number)}/${METADATA}`
    try {
      return decodeMetadata(await this.#fileSystem.read(path), path)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'FILE_NOT_FOUND') return undefined
      throw error
    }
  }

  /** Numbers whose metadata exists, ascending. */
  async #takenNumbers(): Promise<number[]> {
    const files = await this.#fileSystem.list(this.folder)
    return files
      .filter(({ path }) => path.endsWith(`/${METADATA}`))
      .map(({ path }) => numberOf(this.folder, path))
      .filter((number) => number !== undefined)
      .sort((a, b) => a - b)
  }

  async #highest(): Promise<number> {
    return (await this.#takenNumbers()).at(-1) ?? 0
  }

  #newestOf(completed: readonly CheckpointRecord[]): StoredCheckpoint | undefined {
    const record = completed.at(-1)
    return record && { folder: this.folderOf(record.checkpointId), record }
  }

  async #recordsOf(numbers: readonly number[]): Promise<readonly MetadataRecord[]> {
    const records: MetadataRecord[] = []
    for (const number of numbers) {
      const record = await this.#load(number)
      if (record !== undefined) records.push(record)
    }
    return records
  }

  #refuseNewerEpoch(records: readonly MetadataRecord[]): void {
    const newer = records.find(({ owner }) => owner.epoch > this.#owner.epoch)
    if (newer !== undefined) throw this.#fenced(newer.checkpointId)
  }

  #fenced(number: number): EngineError {
    return new EngineError('FENCED', {
      kind: 'fenced',
      message: `Another attempt of the application owns ${this.folder}: checkpoint ${number} is not ours.`,
      hint: 'This process stops and commits nothing more; the newer one goes on.',
      details: { folder: this.folder, checkpointId: number, epoch: this.#owner.epoch },
    })
  }
}

function isComplete(record: MetadataRecord): record is CheckpointRecord {
  return record.kind === 'checkpoint' || record.kind === 'savepoint'
}

function numberOf(folder: string, path: string): number | undefined {
  const match = /^chk-(\d+)\//.exec(path.slice(folder.length + 1))
  return match === null ? undefined : Number(match[1])
}

/** Reads a checkpoint or savepoint by its folder. Errors: `SAVEPOINT_NOT_FOUND`, `CHECKPOINT_CORRUPT`, `CHECKPOINT_VERSION`. */
export async function loadCheckpoint(folder: string, fileSystem: FileSystem): Promise<StoredCheckpoint> {
  const trimmed = folder.replace(/\/+$/, '')
  const path = `${trimmed}/${METADATA}`
  let bytes: Uint8Array
  try {
    bytes = await fileSystem.read(path)
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== 'FILE_NOT_FOUND') throw cause
    throw new EngineError('SAVEPOINT_NOT_FOUND', {
      kind: 'invalid',
      message: `There is no checkpoint or savepoint in ${trimmed}: ${METADATA} is missing.`,
      hint: 'Name the folder that `millrace savepoint` printed, or a chk-N folder.',
      details: { folder: trimmed },
      cause,
    })
  }
  const record = decodeMetadata(bytes, path)
  if (!isComplete(record)) {
    throw new EngineError('SAVEPOINT_NOT_FOUND', {
      kind: 'invalid',
      message: `${trimmed} holds no state: its record is '${record.kind}'.`,
      hint: 'Choose another chk-N folder, or `latest`.',
      details: { folder: trimmed },
    })
  }
  return { folder: trimmed, record }
}

interface CheckpointFolder {
  readonly folder: string
  readonly fileSystem: FileSystem
}

/** Copies a checkpoint's state files for a savepoint; `writeSavepoint` makes it one. */
export async function copyStateFiles(
  from: CheckpointFolder,
  to: CheckpointFolder,
  record: CheckpointRecord,
): Promise<void> {
  const files = new Set(record.operators.flatMap((operator) => operator.files))
  for (const file of files) {
    await to.fileSystem.write(`${to.folder}/${file}`, await from.fileSystem.read(`${from.folder}/${file}`))
  }
}

/** Writes the metadata that makes a folder with state files a savepoint. */
export async function writeSavepoint(to: CheckpointFolder, record: CheckpointRecord): Promise<void> {
  await to.fileSystem.write(`${to.folder}/${METADATA}`, encodeMetadata(record))
}
