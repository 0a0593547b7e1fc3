import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * A statement of ours that others carry: `base64url(JSON).base64url(HMAC-SHA-256)`. `purpose` is part of what is signed, so
 * that a token of one use is no token of another.
 */
export function encodeSigned(key: Buffer, purpose: string, content: object): string {
  const payload = Buffer.from(JSON.stringify(content)).toString('base64url')
  return `${payload}.${mac(key, purpose, payload).toString('base64url')}`
}

/** The content, or undefined when we never made such a token. Its age is the caller's business. */
export function decodeSigned(key: Buffer, purpose: string, token: string): unknown {
  const [payload = '', signature = '', ...rest] = token.split('.')
  const given = Buffer.from(signature, 'base64url')
  const expected = mac(key, purpose, payload)
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
}

/** 32 bytes that follow from the key and a text. */
export function mac(key: Buffer, purpose: string, text: string): Buffer {
  return createHmac('sha256', key).update(`${purpose}\n${text}`).digest()
}
