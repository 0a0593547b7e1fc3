import { crc32 } from 'node:zlib'

/**
 * One message of `application/vnd.amazon.eventstream`, all headers strings:
 * `u32 totalLength | u32 headersLength | u32 crc32(first 8 bytes) | headers | payload | u32 crc32(everything before)`,
 * big-endian; a header is `u8 nameLength | name | u8 7 | u16 valueLength | value`.
 */
export function encodeEventStreamFrame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const names = Object.entries(headers)
  let headersLength = 0
  for (const [name, value] of names) headersLength += 4 + name.length + Buffer.byteLength(value)
  const payloadLength = Buffer.byteLength(payload)
  const frame = Buffer.allocUnsafe(16 + headersLength + payloadLength)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headersLength, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  let at = 12
  for (const [name, value] of names) {
    at = frame.writeUInt8(name.length, at)
    at += frame.write(name, at, 'latin1')
    at = frame.writeUInt8(7, at)
    at = frame.writeUInt16BE(Buffer.byteLength(value), at)
    at += frame.write(value, at)
  }
  frame.write(payload, at)
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - 4)), frame.length - 4)
  return frame
}

/** A message of the operation's own; `type` names the member of its event union, payload is JSON. */
export function eventFrame(type: string, payload: string): Buffer {
  return encodeEventStreamFrame(
    { ':message-type': 'event', ':event-type': type, ':content-type': 'application/json' },
    payload,
  )
}

/** Must come first: boto3 refuses a stream without it, and the JavaScript SDK resolves on the first message. */
export function initialResponseFrame(): Buffer {
  return encodeEventStreamFrame(
    { ':message-type': 'event', ':event-type': 'initial-response', ':content-type': 'application/x-amz-json-1.1' },
    '{}',
  )
}

/** Ends a stream with a modelled error that SDKs raise as their typed class. */
export function exceptionFrame(type: string, message: string): Buffer {
  return encodeEventStreamFrame(
    { ':message-type': 'exception', ':exception-type': type, ':content-type': 'application/json' },
    JSON.stringify({ message }),
  )
}
