import { ByteWriter } from '../../common/byte-writer.ts'
import { crc32 } from '../../common/crc32.ts'
import { asEngineError, EngineError, invariant } from '../../common/errors.ts'
import { encodeValue } from '../../types/value-codec.ts'
import { type KeyedSchema, type KeyedSection, writeKeyedSchema } from './keyed-schema.ts'
import {
  FRAME_SIZE,
  SectionKind,
  SNAPSHOT_MAGIC,
  SNAPSHOT_VERSION,
  type SnapshotIndexEntry,
  TRAILER_MAGIC,
  writeIndex,
} from './snapshot-format.ts'

/** Writes the state of one subtask's operators as one file. The same calls give the same bytes. */
export class SnapshotFileWriter {
  readonly #writer = new ByteWriter(4096)
  readonly #index: SnapshotIndexEntry[] = []
  readonly #names = new Set<string>()

  constructor() {
    this.#writer.utf8(SNAPSHOT_MAGIC)
    this.#writer.u16(SNAPSHOT_VERSION)
    this.#writer.u16(0)
    this.#writer.u32(crc32(this.#writer.view()))
  }

  /** The keyed state of an operator, once: its schema (also when there are no sections), then its key groups. */
  addKeyed(operatorId: string, schema: KeyedSchema, sections: readonly KeyedSection[]): void {
    this.#once(`keyed ${operatorId}`)
    const { offset, length } = this.#section(SectionKind.SCHEMA, (writer) => {
      writer.string(operatorId)
      writeKeyedSchema(writer, schema)
    })
    this.#index.push({ kind: 'schema', operatorId, entryCount: schema.states.length, offset, length })
    const size = sections.reduce((sum, { bytes }) => sum + bytes.length + FRAME_SIZE + operatorId.length + 16, 0)
    this.#writer.ensure(size)
    for (const section of sections) this.#addKeyGroup(operatorId, section)
  }

  /**
   * A list of an operator's own state, once a name. Throws `STATE_VALUE_UNSUPPORTED` naming operator, state and path;
   * the writer is of no use then.
   */
  addOperator(operatorId: string, name: string, elements: readonly unknown[]): void {
    this.#once(`operator ${operatorId} ${name}`)
    const { offset, length } = this.#section(SectionKind.OPERATOR, (writer) => {
      writer.string(operatorId)
      writer.string(name)
      writer.varuint(elements.length)
      for (const [i, element] of elements.entries()) encodeElement(writer, element, i, operatorId, name)
    })
    this.#index.push({ kind: 'operator', operatorId, name, entryCount: elements.length, offset, length })
  }

  /** The file, and where everything is in it. Call it once, last. */
  finish(): { readonly bytes: Uint8Array; readonly index: readonly SnapshotIndexEntry[] } {
    const index = [...this.#index]
    const { offset } = this.#section(SectionKind.INDEX, (writer) => writeIndex(writer, index))
    const start = this.#writer.length
    this.#writer.i64(offset)
    this.#writer.u32(crc32(this.#writer.view().subarray(start)))
    this.#writer.utf8(TRAILER_MAGIC)
    return { bytes: this.#writer.view(), index }
  }

  #addKeyGroup(operatorId: string, { keyGroup, entryCount, bytes }: KeyedSection): void {
    const { offset, length } = this.#section(SectionKind.KEYED, (writer) => {
      writer.string(operatorId)
      writer.varuint(keyGroup)
      writer.varuint(entryCount)
      writer.bytes(bytes)
    })
    this.#index.push({ kind: 'keyed', operatorId, keyGroup, entryCount, offset, length })
  }

  #section(kind: number, writeBody: (writer: ByteWriter) => void): { offset: number; length: number } {
    const writer = this.#writer
    const offset = writer.length
    writer.u8(kind)
    writer.u32(0)
    writeBody(writer)
    const length = writer.length - offset + 4
    invariant(length <= 0xffff_ffff, 'a section of a snapshot is smaller than 4 GiB', { length })
    writer.patchU32(offset + 1, length - FRAME_SIZE)
    writer.u32(crc32(writer.view().subarray(offset)))
    return { offset, length }
  }

  #once(name: string): void {
    invariant(!this.#names.has(name), 'a state is written to a snapshot file once', { name })
    this.#names.add(name)
  }
}

function encodeElement(writer: ByteWriter, element: unknown, i: number, operatorId: string, name: string): void {
  try {
    encodeValue(writer, element)
  } catch (error) {
    const { code, kind, message, hint, details } = asEngineError(error)
    throw new EngineError(code, {
      kind,
      message: `State '${name}' of operator '${operatorId}', element ${i}: ${message}`,
      hint,
      details: { ...details, operatorId, state: name },
      cause: error,
    })
  }
}
