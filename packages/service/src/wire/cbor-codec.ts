import { ApiError } from './api-error.ts'
import type { WireValue } from './json-codec.ts'

/**
 * CBOR 1.1 as the AWS SDKs for Java speak it with Kinesis: blobs are byte strings, and a timestamp is tag 1 with whole
 * milliseconds, not the seconds of RFC 8949. Requests use indefinite lengths, answers definite ones.
 */
export function encodeCbor(value: WireValue): Buffer {
  const parts: Buffer[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

const head = { unsigned: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5, tag: 6 } as const

function write(value: WireValue, parts: Buffer[]): void {
  if (value === null || value === undefined) parts.push(Buffer.of(0xf6))
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xf5 : 0xf4))
  else if (typeof value === 'number') parts.push(encodeNumber(value))
  else if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    parts.push(encodeHead(head.text, bytes.length), bytes)
  } else if (Buffer.isBuffer(value)) parts.push(encodeHead(head.bytes, value.length), value)
  else if (value instanceof Date) parts.push(encodeHead(head.tag, 1), encodeNumber(value.getTime()))
  else if (Array.isArray(value)) {
    parts.push(encodeHead(head.list, value.length))
    for (const member of value as readonly WireValue[]) write(member, parts)
  } else {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    parts.push(encodeHead(head.map, members.length))
    for (const [name, member] of members) {
      write(name, parts)
      write(member, parts)
    }
  }
}

function encodeNumber(value: number): Buffer {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    return value < 0 ? encodeHead(head.negative, -1 - value) : encodeHead(head.unsigned, value)
  }
  const bytes = Buffer.alloc(9, 0xfb)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

function encodeHead(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument)
  if (argument < 0x100) return Buffer.of((major << 5) | 24, argument)
  const bytes = Buffer.alloc(argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9)
  bytes[0] = (major << 5) | (bytes.length === 3 ? 25 : bytes.length === 5 ? 26 : 27)
  if (bytes.length === 3) bytes.writeUInt16BE(argument, 1)
  else if (bytes.length === 5) bytes.writeUInt32BE(argument, 1)
  else bytes.writeBigUInt64BE(BigInt(argument), 1)
  return bytes
}

const maxDepth = 32

/** A request's body; an empty one is an empty structure. Errors: `SerializationException`. */
export function decodeCbor(body: Buffer): unknown {
  if (body.length === 0) return {}
  try {
    return new CborReader(body).whole()
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('SerializationException', 'The request body is not valid CBOR.')
    throw error
  }
}

/** Thrown out of `whole` as RangeError, like Node's own for reads behind the end. */
class CborReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  whole(): unknown {
    const value = this.#value(0)
    if (this.#at !== this.#bytes.length) throw new RangeError('bytes behind the value')
    return value
  }

  #value(depth: number): unknown {
    if (depth > maxDepth) throw new RangeError('nested too deeply')
    const first = this.#bytes.readUInt8(this.#at++)
    const major = first >>> 5
    const info = first & 31
    switch (major) {
      case head.unsigned:
        return this.#argument(info)
      case head.negative:
        return -1 - this.#argument(info)
      case head.bytes:
        return this.#string(major, info)
      case head.text:
        return this.#string(major, info).toString('utf8')
      case head.list:
        return this.#list(info, depth)
      case head.map:
        return this.#map(info, depth)
      case head.tag: {
        const tag = this.#argument(info)
        const value = this.#value(depth + 1)
        return tag === 1 && typeof value === 'number' ? new Date(value) : value
      }
      default:
        return this.#simple(info)
    }
  }

  #argument(info: number): number {
    if (info < 24) return info
    const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
    if (length === 0) throw new RangeError('unknown length')
    const at = this.#at
    this.#at += length
    if (length < 8) return this.#bytes.readUIntBE(at, length)
    return Number(this.#bytes.readBigUInt64BE(at))
  }

  #string(major: number, info: number): Buffer {
    if (info !== 31) return this.#take(this.#argument(info))
    const chunks: Buffer[] = []
    while (!this.#atBreak()) {
      const first = this.#bytes.readUInt8(this.#at++)
      if (first >>> 5 !== major) throw new RangeError('chunk of another type')
      chunks.push(this.#take(this.#argument(first & 31)))
    }
    return Buffer.concat(chunks)
  }

  #list(info: number, depth: number): unknown[] {
    const list: unknown[] = []
    const length = info === 31 ? Number.POSITIVE_INFINITY : this.#argument(info)
    while (list.length < length && !(info === 31 && this.#atBreak())) list.push(this.#value(depth + 1))
    return list
  }

  #map(info: number, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = []
    const length = info === 31 ? Number.POSITIVE_INFINITY : this.#argument(info)
    while (entries.length < length && !(info === 31 && this.#atBreak())) {
      entries.push([String(this.#value(depth + 1)), this.#value(depth + 1)])
    }
    return Object.fromEntries(entries)
  }

  #simple(info: number): unknown {
    if (info === 20 || info === 21) return info === 21
    if (info === 22 || info === 23) return null
    const at = this.#at
    if (info === 26) {
      this.#at += 4
      return this.#bytes.readFloatBE(at)
    }
    if (info === 27) {
      this.#at += 8
      return this.#bytes.readDoubleBE(at)
    }
    throw new RangeError('unknown simple value')
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('string behind the end')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #atBreak(): boolean {
    if (this.#bytes.readUInt8(this.#at) !== 0xff) return false
    this.#at++
    return true
  }
}
