import { ByteReader } from '../../common/byte-reader.ts'
import { crc32 } from '../../common/crc32.ts'
import { EngineError } from '../../common/errors.ts'
import { decodeValue } from '../../types/value-codec.ts'
import { type KeyedSchema, type KeyedSection, readKeyedSchema } from './keyed-schema.ts'
import {
  describeSection,
  FRAME_SIZE,
  HEADER_SIZE,
  numberOf,
  readIndex,
  SectionKind,
  SNAPSHOT_MAGIC,
  SNAPSHOT_VERSION,
  type SnapshotIndexEntry,
  TRAILER_MAGIC,
  TRAILER_SIZE,
} from './snapshot-format.ts'

/**
 * What a snapshot file holds. A section's CRC is checked when it is asked for: every getter throws `STATE_CORRUPT`
 * (kind corrupt) naming the part of the file and the offset.
 */
export interface SnapshotContents {
  readonly index: readonly SnapshotIndexEntry[]
  /** Operators with state in this file, in the order written. */
  operatorIds(): string[]
  /** What the operator's sections mean; `undefined` when it has no keyed state here. */
  schema(operatorId: string): KeyedSchema | undefined
  /** The operator's key groups, empty when there are none. Their bytes are windows on the file's. */
  keyed(operatorId: string): KeyedSection[]
  /** The names of the operator's own lists. */
  operatorStates(operatorId: string): string[]
  /** The elements of one of the operator's own lists, empty when it isn't there. Decoded anew by every call. */
  operator(operatorId: string, name: string): unknown[]
}

/**
 * Opens a snapshot file: checks header, trailer, index, and that the sections fill the space between them. Throws
 * `STATE_CORRUPT`; `STATE_FORMAT_UNKNOWN` (invalid) for a file of a version that this one can't read.
 */
export function readSnapshotFile(bytes: Uint8Array): SnapshotContents {
  checkHeader(bytes)
  return new IndexedSnapshot(bytes, readFileIndex(bytes))
}

class IndexedSnapshot implements SnapshotContents {
  readonly index: readonly SnapshotIndexEntry[]
  readonly #bytes: Uint8Array
  readonly #checked = new Set<SnapshotIndexEntry>()

  constructor(bytes: Uint8Array, index: readonly SnapshotIndexEntry[]) {
    this.#bytes = bytes
    this.index = index
  }

  operatorIds(): string[] {
    return [...new Set(this.index.map((entry) => entry.operatorId))]
  }

  schema(operatorId: string): KeyedSchema | undefined {
    const entry = this.index.find((each) => each.kind === 'schema' && each.operatorId === operatorId)
    return entry === undefined ? undefined : this.#read(entry, readKeyedSchema)
  }

  keyed(operatorId: string): KeyedSection[] {
    const schema = this.schema(operatorId)
    if (schema === undefined) return []
    const entries = this.index.filter((entry) => entry.kind === 'keyed' && entry.operatorId === operatorId)
    return entries.map((entry) => this.#read(entry, (reader) => readKeyed(reader, entry, schema)))
  }

  operatorStates(operatorId: string): string[] {
    return this.index.flatMap((entry) =>
      entry.kind === 'operator' && entry.operatorId === operatorId ? [entry.name] : [],
    )
  }

  operator(operatorId: string, name: string): unknown[] {
    const entry = this.index.find(
      (each) => each.kind === 'operator' && each.operatorId === operatorId && each.name === name,
    )
    return entry === undefined ? [] : this.#read(entry, (reader) => readElements(reader, name))
  }

  #read<T>(entry: SnapshotIndexEntry, read: (reader: ByteReader) => T): T {
    const bytes = this.#bytes
    const part = describeSection(entry)
    if (!this.#checked.has(entry)) {
      checkFrame(bytes, entry, numberOf(entry.kind), part)
      this.#checked.add(entry)
    }
    return within(part, () => {
      const reader = new ByteReader(bytes, entry.offset + 5, entry.offset + entry.length - 4)
      const operatorId = reader.string()
      if (operatorId !== entry.operatorId) reader.corrupt(`the state of operator '${operatorId}'`, entry.offset)
      const result = read(reader)
      if (reader.remaining > 0) reader.corrupt(`${reader.remaining} bytes too many`)
      return result
    })
  }
}

function checkHeader(bytes: Uint8Array): void {
  within('header', () => {
    const reader = new ByteReader(bytes)
    const magic = reader.utf8(SNAPSHOT_MAGIC.length)
    if (magic !== SNAPSHOT_MAGIC) reader.corrupt('no snapshot file: its first eight bytes are others', 0)
    const version = reader.u16()
    const reserved = reader.u16()
    if (reader.u32() !== crc32(bytes.subarray(0, HEADER_SIZE - 4))) reader.corrupt('a wrong CRC', HEADER_SIZE - 4)
    if (version !== SNAPSHOT_VERSION || reserved !== 0) throw versionUnknown(version)
  })
}

function readFileIndex(bytes: Uint8Array): SnapshotIndexEntry[] {
  const trailerAt = bytes.length - TRAILER_SIZE
  const indexAt = within('trailer', () => {
    const reader = new ByteReader(bytes, Math.max(HEADER_SIZE, trailerAt))
    const offset = reader.i64()
    if (reader.u32() !== crc32(bytes.subarray(trailerAt, trailerAt + 8))) reader.corrupt('a wrong CRC', trailerAt + 8)
    if (reader.utf8(TRAILER_MAGIC.length) !== TRAILER_MAGIC) reader.corrupt('no trailer', trailerAt + 12)
    if (offset < HEADER_SIZE || offset + FRAME_SIZE > trailerAt) reader.corrupt('an index elsewhere', trailerAt)
    return offset
  })
  checkFrame(bytes, { offset: indexAt, length: trailerAt - indexAt }, SectionKind.INDEX, 'index')
  return within('index', () => {
    const reader = new ByteReader(bytes, indexAt + 5, trailerAt - 4)
    const index = readIndex(reader)
    let next = HEADER_SIZE
    for (const { offset, length } of index) {
      if (offset !== next || length < FRAME_SIZE)
        reader.corrupt('a section that does not follow the one before it', offset)
      next = offset + length
    }
    if (reader.remaining > 0 || next !== indexAt) reader.corrupt('sections that do not fill the file', next)
    return index
  })
}

function checkFrame(
  bytes: Uint8Array,
  { offset, length }: { readonly offset: number; readonly length: number },
  kind: number,
  part: string,
): void {
  within(part, () => {
    const reader = new ByteReader(bytes, offset, offset + length)
    const found = reader.u8()
    if (found !== kind) reader.corrupt(`a section of kind ${found} instead of ${kind}`, offset)
    if (reader.u32() !== length - FRAME_SIZE) reader.corrupt('another length than the index says', offset + 1)
    reader.skip(length - FRAME_SIZE)
    if (reader.u32() !== crc32(bytes.subarray(offset, offset + length - 4))) reader.corrupt('a wrong CRC', offset)
  })
}

function readKeyed(reader: ByteReader, entry: SnapshotIndexEntry, schema: KeyedSchema): KeyedSection {
  const keyGroup = reader.varuint()
  const entryCount = reader.varuint()
  if (entry.kind !== 'keyed' || keyGroup !== entry.keyGroup) reader.corrupt(`key group ${keyGroup}`, entry.offset)
  return { keyGroup, entryCount, bytes: reader.view(reader.remaining), schema }
}

function readElements(reader: ByteReader, expected: string): unknown[] {
  const at = reader.position
  const name = reader.string()
  if (name !== expected) reader.corrupt(`the state '${name}'`, at)
  const count = reader.count()
  const elements: unknown[] = []
  for (let i = 0; i < count; i++) elements.push(decodeValue(reader))
  return elements
}

/** Says in which part of the file something is wrong. */
function within<T>(part: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'DATA_CORRUPT') throw error
    throw new EngineError('STATE_CORRUPT', {
      kind: 'corrupt',
      message: `Snapshot file, ${part}: ${error.message}`,
      hint: 'The file is damaged or cut short: restore from another checkpoint or savepoint.',
      details: { part, ...error.details },
      cause: error,
    })
  }
}

function versionUnknown(version: number): EngineError {
  return new EngineError('STATE_FORMAT_UNKNOWN', {
    kind: 'invalid',
    message: `The snapshot file has format version ${version}; this engine reads version ${SNAPSHOT_VERSION}.`,
    hint: 'Restore it with the version of Millrace that wrote it, or a newer one.',
    details: { version, supported: SNAPSHOT_VERSION },
  })
}
