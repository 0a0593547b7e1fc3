import type { ByteReader } from '../../common/byte-reader.ts'
import type { ByteWriter } from '../../common/byte-writer.ts'
import { assertNever } from '../../common/errors.ts'
import { decodeKey, mapKeyOrNull, writeMapKey } from '../../types/key.ts'
import { decodeValue, encodeValue } from '../../types/value-codec.ts'
import type { KeyedStateKind } from './keyed-schema.ts'
import { ListCell } from './list-cell.ts'

/** Appends what a slot holds: a value, a list, or a map. See docs/reference/state-format.md, "Keyed entries". */
export function writeSlot(writer: ByteWriter, kind: KeyedStateKind, content: unknown): void {
  switch (kind) {
    case 'value':
      encodeValue(writer, content)
      return
    case 'list':
      writeList(writer, content as ListCell)
      return
    case 'map':
    case 'namespaced-value':
      writeMap(writer, content as Map<unknown, unknown>, encodeValue)
      return
    case 'namespaced-list':
      writeMap(writer, content as Map<unknown, ListCell>, writeList)
      return
    default:
      assertNever(kind)
  }
}

/** Reads what `writeSlot` wrote. */
export function readSlot(reader: ByteReader, kind: KeyedStateKind): unknown {
  switch (kind) {
    case 'value':
      return decodeValue(reader)
    case 'list':
      return readList(reader)
    case 'map':
    case 'namespaced-value':
      return readMap(reader, decodeValue)
    case 'namespaced-list':
      return readMap(reader, readList)
    default:
      return assertNever(kind)
  }
}

/** Appends the canonical bytes of a key (in the form of a `Map`'s key) behind their length. */
export function writeSizedKey(writer: ByteWriter, mapped: unknown): void {
  const at = writer.length
  writer.u8(0)
  writeMapKey(writer, mapped)
  writer.prefixWithLength(at)
}

/** Reads what `writeSizedKey` wrote. */
export function readSizedKey(reader: ByteReader): unknown {
  return decodeKey(reader.view(reader.count()))
}

function writeList(writer: ByteWriter, cell: ListCell): void {
  const items = cell.peek()
  writer.varuint(items.length)
  for (let i = 0; i < items.length; i++) encodeValue(writer, items[i])
}

function readList(reader: ByteReader): ListCell {
  const count = reader.count()
  const items: unknown[] = []
  for (let i = 0; i < count; i++) items.push(decodeValue(reader))
  return new ListCell(items)
}

function writeMap<C>(
  writer: ByteWriter,
  map: ReadonlyMap<unknown, C>,
  writeContent: (writer: ByteWriter, content: C) => void,
): void {
  writer.varuint(map.size)
  for (const [mapped, content] of map) {
    writeSizedKey(writer, mapped)
    writeContent(writer, content)
  }
}

function readMap(reader: ByteReader, readContent: (reader: ByteReader) => unknown): Map<unknown, unknown> {
  const count = reader.count(3)
  const map = new Map<unknown, unknown>()
  for (let i = 0; i < count; i++) {
    const key = readSizedKey(reader)
    map.set(mapKeyOrNull(key, 'map key'), readContent(reader))
  }
  return map
}
