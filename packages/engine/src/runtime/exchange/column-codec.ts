import { ByteReader } from '../../common/byte-reader.ts'
import { ByteWriter } from '../../common/byte-writer.ts'
import { EngineError, invariant } from '../../common/errors.ts'
import { decodeValue, encodeValue } from '../../types/value-codec.ts'
import type { WireReader, WireWriter } from './wire-buffer.ts'

/**
 * One field of all records of a batch, written side by side. The kind is chosen by what the values are:
 * integers of 32 bits, doubles, booleans, strings of ASCII or of any UTF-16, one value for all, or anything by the
 * canonical value codec.
 */
const kind = { INTEGERS: 0, DOUBLES: 1, BOOLEANS: 2, ASCII: 3, UTF16: 4, SAME: 5, ANY: 6 } as const
type ColumnKind = (typeof kind)[keyof typeof kind]
/** The kinds that a generated loop writes. */
type LoopKind = Exclude<ColumnKind, typeof kind.UTF16 | typeof kind.ANY>

/** A column as decoded: what `column[i]` answers is the value of record i. */
export type Column = ArrayLike<unknown>

/**
 * Writes one field of many records. Has a loop of its own for each field and kind, generated so that the compiler sees
 * one property of one shape of object in it, and begins with the kind that fitted last.
 */
export class ColumnEncoder {
  readonly #read: string
  readonly #valueOf: (record: unknown) => unknown
  readonly #loops: Partial<Record<LoopKind, ColumnLoop>> = {}
  #last: ColumnKind = kind.INTEGERS

  /** `read` is the expression for the field's value of the record `record`: nothing else may come from outside. */
  private constructor(read: string) {
    this.#read = read
    this.#valueOf = new Function('record', `return ${read}`) as (record: unknown) => unknown
  }

  /** The records' values of a property. */
  static ofProperty(name: string): ColumnEncoder {
    return new ColumnEncoder(`record[${JSON.stringify(name)}]`)
  }

  /** The records themselves. */
  static ofRecords(): ColumnEncoder {
    return new ColumnEncoder('record')
  }

  /** Throws `RECORD_NOT_PLAIN`; `name` is the property's, for the path in the message. */
  encode(writer: WireWriter, records: readonly unknown[], name: string | undefined): void {
    const start = writer.length
    if (this.#attempt(this.#last, writer, records)) return
    const first = kindOf(this.#valueOf(records[0]))
    for (const candidate of first === kind.INTEGERS ? [first, kind.DOUBLES] : [first]) {
      writer.reset(start)
      if (this.#attempt(candidate, writer, records)) {
        this.#last = candidate
        return
      }
    }
    writer.reset(start)
    this.#last = kind.ANY
    this.#encodeAny(writer, records, name)
  }

  #attempt(candidate: ColumnKind, writer: WireWriter, records: readonly unknown[]): boolean {
    const length = records.length
    switch (candidate) {
      case kind.INTEGERS: {
        writer.header(candidate, 0)
        const at = writer.reserve(4 * length) >> 2
        return this.#loop(candidate)(records, at, writer.i32) as boolean
      }
      case kind.DOUBLES: {
        writer.header(candidate, 0)
        const at = writer.reserve(8 * length) >> 3
        return this.#loop(candidate)(records, at, writer.f64) as boolean
      }
      case kind.BOOLEANS: {
        writer.header(candidate, 0)
        const at = writer.reserve(length)
        return this.#loop(candidate)(records, at, writer.bytes) as boolean
      }
      case kind.SAME:
        return this.#attemptSame(writer, records)
      case kind.ASCII:
      case kind.UTF16:
        return this.#attemptText(writer, records)
      case kind.ANY:
        return false
    }
  }

  /** All characters are put in one string first: one call writes them, at a fifth of the cost of a call each. */
  #attemptText(writer: WireWriter, records: readonly unknown[]): boolean {
    const start = writer.length
    writer.header(kind.ASCII, 0)
    const at = writer.reserve(4 * records.length) >> 2
    const text = this.#loop(kind.ASCII)(records, at, writer.i32) as string | undefined
    if (text === undefined) return false
    if (Buffer.byteLength(text, 'utf8') === text.length) {
      writer.i32[(start >> 2) + 1] = text.length
      const position = writer.reserve(text.length)
      writer.bytes.write(text, position, 'latin1')
    } else {
      writer.i32[start >> 2] = kind.UTF16
      writer.i32[(start >> 2) + 1] = text.length
      const position = writer.reserve(2 * text.length)
      writer.bytes.write(text, position, 'utf16le')
    }
    return true
  }

  #attemptSame(writer: WireWriter, records: readonly unknown[]): boolean {
    const value = this.#loop(kind.SAME)(records, 0, undefined)
    if (value === different) return false
    writer.header(kind.SAME, value === null ? 0 : 1)
    return true
  }

  #encodeAny(writer: WireWriter, records: readonly unknown[], name: string | undefined): void {
    scratch.reset()
    for (let i = 0; i < records.length; i++) {
      try {
        encodeValue(scratch, this.#valueOf(records[i]))
      } catch (cause) {
        throw notPlain(cause, name)
      }
    }
    writer.header(kind.ANY, scratch.length)
    const at = writer.reserve(scratch.length)
    writer.bytes.set(scratch.view(), at)
  }

  #loop(which: LoopKind): ColumnLoop {
    const loop = this.#loops[which] ?? generateLoop(which, this.#read)
    this.#loops[which] = loop
    return loop
  }
}

/** Reads the column of `length` records. */
export function decodeColumn(reader: WireReader, length: number): Column {
  const header = reader.integers(2)
  const size = header[1] as number
  switch (header[0] as ColumnKind) {
    case kind.INTEGERS:
      return reader.integers(length)
    case kind.DOUBLES:
      return reader.doubles(length)
    case kind.BOOLEANS: {
      const at = reader.skip(length)
      return Array.from({ length }, (_, i) => reader.bytes[at + i] === 1)
    }
    case kind.ASCII:
      return decodeAscii(reader, length, size)
    case kind.UTF16:
      return decodeUtf16(reader, length, size)
    case kind.SAME:
      return new Array<unknown>(length).fill(size === 0 ? null : undefined)
    case kind.ANY:
      return decodeAny(reader, length, size)
    default:
      return invariant(false, 'a column has a kind that was never written', { kind: header[0] }) as never
  }
}

/** V8 copies shorter substrings; longer ones keep the string they were cut from alive. */
const COPIED_BELOW = 13

function decodeAscii(reader: WireReader, length: number, size: number): string[] {
  const lengths = reader.integers(length)
  const { bytes } = reader
  let at = reader.skip(size)
  const start = at
  const text = bytes.toString('latin1', at, at + size)
  const column = new Array<string>(length)
  for (let i = 0; i < length; i++) {
    const end = at + (lengths[i] as number)
    // A record that is kept must not keep the strings of its whole batch: 8 against 40 ns.
    column[i] = end - at < COPIED_BELOW ? text.substring(at - start, end - start) : bytes.toString('latin1', at, end)
    at = end
  }
  return column
}

function decodeUtf16(reader: WireReader, length: number, size: number): string[] {
  const lengths = reader.integers(length)
  let at = reader.skip(2 * size)
  const column = new Array<string>(length)
  for (let i = 0; i < length; i++) {
    const end = at + 2 * (lengths[i] as number)
    column[i] = reader.bytes.toString('utf16le', at, end)
    at = end
  }
  return column
}

function decodeAny(reader: WireReader, length: number, size: number): unknown[] {
  const at = reader.skip(size)
  const values = new ByteReader(reader.bytes, at, at + size)
  const column = new Array<unknown>(length)
  for (let i = 0; i < length; i++) column[i] = decodeValue(values)
  return column
}

/** Where values wait that the value codec wrote, until their size is known. */
const scratch = new ByteWriter(1024)

/** What the loop for `SAME` answers when the values aren't. */
const different = Symbol('different')

function kindOf(value: unknown): ColumnKind {
  switch (typeof value) {
    case 'number':
      return kind.INTEGERS
    case 'string':
      return kind.ASCII
    case 'boolean':
      return kind.BOOLEANS
    case 'undefined':
      return kind.SAME
    default:
      return value === null ? kind.SAME : kind.ANY
  }
}

/**
 * Runs over the records' values. `INTEGERS`, `DOUBLES`, `BOOLEANS`: writes them to `out` from `at` on, false when one
 * doesn't fit. `ASCII`: writes their lengths, answers them joined, or undefined. `SAME`: answers the one null or undefined.
 */
type ColumnLoop = (records: readonly unknown[], at: number, out: any) => unknown

/** The parts of a loop: what it begins with, when a value doesn't fit and what is answered then, what a value brings. */
interface LoopParts {
  readonly before?: string
  readonly unfit: string
  readonly refusal: string
  readonly take: string
  readonly result: string
}

const loopParts: Record<LoopKind, LoopParts> = {
  [kind.INTEGERS]: {
    unfit: "typeof value !== 'number' || (value | 0) !== value || (value === 0 && 1 / value < 0)",
    refusal: 'false',
    take: 'out[at + i] = value',
    result: 'true',
  },
  [kind.DOUBLES]: {
    unfit: "typeof value !== 'number'",
    refusal: 'false',
    take: 'out[at + i] = value',
    result: 'true',
  },
  [kind.BOOLEANS]: {
    unfit: "typeof value !== 'boolean'",
    refusal: 'false',
    take: 'out[at + i] = value ? 1 : 0',
    result: 'true',
  },
  [kind.ASCII]: {
    before: "let text = ''",
    // Far below the longest string there can be: longer ones go one by one.
    unfit: "typeof value !== 'string' || text.length + value.length > 0x1000000",
    refusal: 'undefined',
    take: 'out[at + i] = value.length; text += value',
    result: 'text',
  },
  [kind.SAME]: {
    before: 'let same',
    unfit: '(value !== null && value !== undefined) || (i > 0 && value !== same)',
    refusal: 'different',
    take: 'same = value',
    result: 'same',
  },
}

function generateLoop(which: LoopKind, read: string): ColumnLoop {
  const { before = '', unfit, refusal, take, result } = loopParts[which]
  const source = `
    return function column(records, at, out) {
      ${before}
      for (let i = 0; i < records.length; i++) {
        const record = records[i]
        const value = ${read}
        if (${unfit}) return ${refusal}
        ${take}
      }
      return ${result}
    }`
  return new Function('different', source)(different) as ColumnLoop
}

function notPlain(cause: unknown, name: string | undefined): unknown {
  if (!(cause instanceof EngineError)) return cause
  const path = `record${property(name)}${String(cause.details.path ?? '$').slice(1)}`
  return new EngineError('RECORD_NOT_PLAIN', {
    kind: 'application',
    message: `A record can't go to another thread: ${path} isn't plain data.`,
    hint:
      'Records that cross threads must be plain data: null, booleans, numbers, bigints, strings, Dates, typed arrays, arrays, ' +
      'Maps, Sets and plain objects, without cycles. Turn class instances into plain objects and drop functions.',
    details: { path },
    cause,
  })
}

function property(name: string | undefined): string {
  if (name === undefined) return ''
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
