import { createHmac, timingSafeEqual } from 'node:crypto'
import { readUint64, writeUint64 } from './frame.ts'

/** What a shard iterator or a page token stands for. */
export interface TokenContent {
  /** Which of the token kinds: one can't be used as another. */
  readonly kind: 'iterator' | 'page'
  readonly streamName: string
  /** Tells two streams of one name apart. */
  readonly streamCreatedMs: number
  readonly shardNumber: number
  /** Log index of an iterator; 0 for a page. */
  readonly position: number
  readonly issuedMs: number
}

const version = 1
const fixedBytes = 30
const macBytes = 16
const kinds = ['iterator', 'page'] as const

/**
 * An opaque token that needs no memory here and survives a restart: base64url of
 * `u8 version | u8 kind | u64 streamCreatedMs | u32 shard | u64 position | u64 issuedMs | stream name | HMAC (16 bytes)`.
 */
export function encodeToken(key: Buffer, content: TokenContent): string {
  const name = Buffer.from(content.streamName)
  const bytes = Buffer.alloc(fixedBytes + name.length)
  bytes[0] = version
  bytes[1] = kinds.indexOf(content.kind)
  writeUint64(bytes, 2, content.streamCreatedMs)
  bytes.writeUInt32BE(content.shardNumber, 10)
  writeUint64(bytes, 14, content.position)
  writeUint64(bytes, 22, content.issuedMs)
  name.copy(bytes, fixedBytes)
  return Buffer.concat([bytes, mac(key, bytes)]).toString('base64url')
}

/** The content, or undefined when we never gave out such a token. Age is the caller's business. */
export function decodeToken(key: Buffer, token: string): TokenContent | undefined {
  const all = Buffer.from(token, 'base64url')
  if (all.length < fixedBytes + macBytes || all.toString('base64url') !== token) return undefined
  const bytes = all.subarray(0, -macBytes)
  const kind = kinds[bytes[1]!]
  if (!timingSafeEqual(mac(key, bytes), all.subarray(-macBytes)) || bytes[0] !== version || kind === undefined) {
    return undefined
  }
  return {
    kind,
    streamName: bytes.toString('utf8', fixedBytes),
    streamCreatedMs: readUint64(bytes, 2),
    shardNumber: bytes.readUInt32BE(10),
    position: readUint64(bytes, 14),
    issuedMs: readUint64(bytes, 22),
  }
}

/** The stream that a token names, without a look at whether it's one of ours: for a question that comes before that one. */
export function streamNameOfToken(token: string): string | undefined {
  const bytes = Buffer.from(token, 'base64url')
  return bytes.length < fixedBytes + macBytes ? undefined : bytes.toString('utf8', fixedBytes, bytes.length - macBytes)
}

function mac(key: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, macBytes)
}
