import type { ByteReader } from '../../common/byte-reader.ts'
import type { ByteWriter } from '../../common/byte-writer.ts'

/**
 * The file that a subtask writes for a checkpoint: header, sections, index, trailer. Specified byte by byte in
 * docs/reference/state-format.md, "Snapshot file".
 */
export const SNAPSHOT_MAGIC = 'MLRSTATE'
export const SNAPSHOT_VERSION = 1
export const TRAILER_MAGIC = 'MLRE'
/** Magic, version, reserved, CRC. */
export const HEADER_SIZE = 16
/** Offset of the index, CRC, magic. */
export const TRAILER_SIZE = 16
/** Kind and length before a section's body, CRC behind it. */
export const FRAME_SIZE = 9

/** The kinds of sections. */
export const SectionKind = { SCHEMA: 1, KEYED: 2, OPERATOR: 3, INDEX: 4 } as const

interface IndexEntryParts {
  readonly operatorId: string
  /** States and timers of a keyed section, elements of an operator's list, states of a schema. */
  readonly entryCount: number
  /** Of the section in the file. */
  readonly offset: number
  /** Of the section with its frame. */
  readonly length: number
}

/** Where a section of the file is and what it holds. */
export type SnapshotIndexEntry =
  | ({ readonly kind: 'schema' } & IndexEntryParts)
  | ({ readonly kind: 'keyed'; readonly keyGroup: number } & IndexEntryParts)
  | ({ readonly kind: 'operator'; readonly name: string } & IndexEntryParts)

export function writeIndex(writer: ByteWriter, index: readonly SnapshotIndexEntry[]): void {
  writer.varuint(index.length)
  for (const entry of index) {
    writer.u8(numberOf(entry.kind))
    writer.string(entry.operatorId)
    if (entry.kind === 'keyed') writer.varuint(entry.keyGroup)
    if (entry.kind === 'operator') writer.string(entry.name)
    writer.varuint(entry.entryCount)
    writer.varuint(entry.offset)
    writer.varuint(entry.length)
  }
}

export function readIndex(reader: ByteReader): SnapshotIndexEntry[] {
  return Array.from({ length: reader.count(5) }, () => readIndexEntry(reader))
}

/** How an error names the section. */
export function describeSection(entry: SnapshotIndexEntry): string {
  if (entry.kind === 'keyed') return `keyed state of operator '${entry.operatorId}', key group ${entry.keyGroup}`
  if (entry.kind === 'operator') return `state '${entry.name}' of operator '${entry.operatorId}'`
  return `schema of operator '${entry.operatorId}'`
}

/** The number of a section's kind in the format. */
export function numberOf(kind: SnapshotIndexEntry['kind']): number {
  if (kind === 'schema') return SectionKind.SCHEMA
  return kind === 'keyed' ? SectionKind.KEYED : SectionKind.OPERATOR
}

function readIndexEntry(reader: ByteReader): SnapshotIndexEntry {
  const at = reader.position
  const number = reader.u8()
  const operatorId = reader.string()
  const keyGroup = number === SectionKind.KEYED ? reader.varuint() : 0
  const name = number === SectionKind.OPERATOR ? reader.string() : ''
  const parts = { operatorId, entryCount: reader.varuint(), offset: reader.varuint(), length: reader.varuint() }
  if (number === SectionKind.SCHEMA) return { kind: 'schema', ...parts }
  if (number === SectionKind.KEYED) return { kind: 'keyed', keyGroup, ...parts }
  if (number === SectionKind.OPERATOR) return { kind: 'operator', name, ...parts }
  return reader.corrupt(`an unknown kind of section (${number})`, at)
}
