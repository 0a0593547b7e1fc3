import { invariant } from '../../common/errors.ts'
import { type Batch, MIN_TIMESTAMP, ObjectBatch } from '../../spi/batch.ts'
import { type Column, ColumnEncoder, decodeColumn } from './column-codec.ts'
import { createShape, type RecordShape, type ShapeRegistry, threadShapes } from './record-shape.ts'
import type { WireReader, WireWriter } from './wire-buffer.ts'

/**
 * Batches of objects as bytes, for channels between threads.
 *
 * Records of one shape (the same fields in the same order) are written column by column; a shape's names go over a
 * channel once, the first time it occurs there, and are numbered by both ends. Records without a shape (no plain
 * objects, too many fields, too many shapes) are one column by the value codec. Values arrive equal and as plain data:
 * own enumerable string-keyed fields, shared references as copies. An encoder and a decoder belong to one channel.
 *
 * Layout: [records, groups], timestamps, the group of each record when there are several, then each group:
 * [shape, records], the names when the shape is new, the columns.
 */
export class BatchEncoder {
  readonly #registry: ShapeRegistry
  readonly #records = ColumnEncoder.ofRecords()
  /** Number of each shape that the other side knows or is told in this batch. */
  readonly #numbers = new Map<RecordShape, number>()
  #lastShape: RecordShape | undefined

  constructor(registry: ShapeRegistry = threadShapes) {
    this.#registry = registry
  }

  /**
   * Appends the batch. Throws `RECORD_NOT_PLAIN` (kind application) with the path to what can't cross threads; the
   * writer is as before then.
   */
  encode(writer: WireWriter, batch: Batch<unknown>): void {
    const start = writer.length
    const known = this.#numbers.size
    try {
      this.#encode(writer, batch)
    } catch (error) {
      writer.reset(start)
      for (const [shape, number] of this.#numbers) if (number >= known) this.#numbers.delete(shape)
      this.#lastShape = undefined
      throw error
    }
  }

  #encode(writer: WireWriter, batch: Batch<unknown>): void {
    const { length } = batch
    const records = new Array<unknown>(length)
    for (let i = 0; i < length; i++) records[i] = batch.valueAt(i)
    const known = this.#numbers.size
    const groups = this.#group(records)
    writer.header(length, groups.length)
    encodeTimestamps(writer, batch)
    if (groups.length > 1) {
      const at = writer.reserve(4 * length) >> 2
      groups.forEach((group, number) => {
        for (const index of group.indexes) writer.i32[at + index] = number
      })
    }
    for (const group of groups) this.#encodeGroup(writer, group, known)
  }

  /** The records by shape. All are of one in the common case, which costs a test each. */
  #group(records: readonly unknown[]): Group[] {
    let uniform = 0
    const last = this.#lastShape
    if (last !== undefined) while (uniform < records.length && last.matches(records[uniform])) uniform++
    if (uniform === records.length) return records.length === 0 ? [] : [{ shape: last, records, indexes: [] }]
    const groups = new Map<RecordShape | undefined, MutableGroup>()
    for (let i = 0; i < records.length; i++) {
      const shape = i < uniform ? last : this.#shapeOf(records[i])
      let group = groups.get(shape)
      if (group === undefined) {
        group = { shape, records: [], indexes: [] }
        groups.set(shape, group)
      }
      group.records.push(records[i])
      group.indexes.push(i)
    }
    return [...groups.values()]
  }

  #shapeOf(record: unknown): RecordShape | undefined {
    if (this.#lastShape?.matches(record)) return this.#lastShape
    const shape = this.#registry.shapeOf(record)
    if (shape === undefined) return undefined
    if (!this.#numbers.has(shape)) {
      if (this.#numbers.size >= shapesAtMost) return undefined
      this.#numbers.set(shape, this.#numbers.size)
    }
    this.#lastShape = shape
    return shape
  }

  #encodeGroup(writer: WireWriter, { shape, records }: Group, known: number): void {
    if (shape === undefined) {
      writer.header(unshaped, records.length)
      this.#records.encode(writer, records, undefined)
      return
    }
    const number = this.#numbers.get(shape) as number
    writer.header(number, records.length)
    // New shapes are numbered in the order in which their groups are written.
    if (number >= known) encodeNames(writer, shape.names)
    for (let i = 0; i < shape.columns.length; i++) {
      ;(shape.columns[i] as ColumnEncoder).encode(writer, records, shape.names[i])
    }
  }
}

/** The other end of a `BatchEncoder`: must be given all it wrote, in order. */
export class BatchDecoder {
  readonly #registry: ShapeRegistry
  readonly #shapes: RecordShape[] = []

  constructor(registry: ShapeRegistry = threadShapes) {
    this.#registry = registry
  }

  decode(reader: WireReader): ObjectBatch<unknown> {
    const [length = 0, groups = 0] = reader.integers(2)
    const timestamps = decodeTimestamps(reader, length)
    if (groups === 1) return new ObjectBatch(this.#decodeGroup(reader), timestamps)
    const groupOf = groups === 0 ? new Int32Array(0) : reader.integers(length)
    const values = Array.from({ length: groups }, () => this.#decodeGroup(reader))
    const next = new Array<number>(groups).fill(0)
    const records = new Array<unknown>(length)
    for (let i = 0; i < length; i++) {
      const group = groupOf[i] as number
      records[i] = (values[group] as unknown[])[next[group] as number]
      next[group] = (next[group] as number) + 1
    }
    return new ObjectBatch(records, timestamps)
  }

  #decodeGroup(reader: WireReader): unknown[] {
    const [number = 0, length = 0] = reader.integers(2)
    if (number === unshaped) return Array.from(decodeColumn(reader, length))
    if (number === this.#shapes.length) {
      const names = decodeNames(reader)
      this.#shapes.push(this.#registry.shapeFor(names) ?? createShape(names))
    }
    const shape = this.#shapes[number]
    invariant(shape !== undefined, 'a batch has a shape that was never told', { number })
    const columns: Column[] = []
    for (let i = 0; i < shape.names.length; i++) columns.push(decodeColumn(reader, length))
    return shape.build(length, columns)
  }
}

interface Group {
  readonly shape: RecordShape | undefined
  readonly records: readonly unknown[]
  /** Where they stand in the batch; empty when it holds nothing else. */
  readonly indexes: readonly number[]
}

interface MutableGroup extends Group {
  readonly records: unknown[]
  readonly indexes: number[]
}

/** Shapes of one channel; the records of further ones have none. */
const shapesAtMost = 64
const unshaped = -1

const noTimestamps = 0
const someTimestamps = 1

function encodeTimestamps(writer: WireWriter, batch: Batch<unknown>): void {
  let some = noTimestamps
  for (let i = 0; i < batch.length && some === noTimestamps; i++) {
    if (batch.timestampAt(i) !== MIN_TIMESTAMP) some = someTimestamps
  }
  writer.header(some, 0)
  if (some === noTimestamps) return
  const at = writer.reserve(8 * batch.length) >> 3
  const { f64 } = writer
  for (let i = 0; i < batch.length; i++) f64[at + i] = batch.timestampAt(i)
}

function decodeTimestamps(reader: WireReader, length: number): number[] {
  if (reader.integers(2)[0] === noTimestamps) return new Array<number>(length).fill(MIN_TIMESTAMP)
  const column = reader.doubles(length)
  const timestamps = new Array<number>(length)
  for (let i = 0; i < length; i++) timestamps[i] = column[i] as number
  return timestamps
}

/** As UTF-16: names may hold anything a string can. */
function encodeNames(writer: WireWriter, names: readonly string[]): void {
  const text = JSON.stringify(names)
  writer.header(text.length, 0)
  const at = writer.reserve(2 * text.length)
  writer.bytes.write(text, at, 'utf16le')
}

function decodeNames(reader: WireReader): string[] {
  const [length = 0] = reader.integers(2)
  const at = reader.skip(2 * length)
  return JSON.parse(reader.bytes.toString('utf16le', at, at + 2 * length)) as string[]
}
