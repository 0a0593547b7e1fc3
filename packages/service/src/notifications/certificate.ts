import { createPrivateKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { type LogFiles, replaceFile } from '../ingest/log-files.ts'

/** The key that notifications are signed with, and its self-signed certificate. */
export interface SigningIdentity {
  readonly privateKey: KeyObject
  readonly certificatePem: string
}

/** Loads the identity from a PEM file, made (mode 0600) when there is none. */
export async function loadOrCreateSigningIdentity(
  path: string,
  files: LogFiles,
  nowMs: number,
): Promise<SigningIdentity> {
  const existing = (await files.readFile(path))?.toString('utf8')
  if (existing !== undefined) {
    const start = existing.indexOf('-----BEGIN CERTIFICATE-----')
    return { privateKey: createPrivateKey(existing.slice(0, start)), certificatePem: existing.slice(start) }
  }
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const certificatePem = selfSignedCertificate(privateKey, publicKey, nowMs)
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  await replaceFile(files, path, Buffer.from(`${privatePem}${certificatePem}`))
  return { privateKey, certificatePem }
}

/** An X.509 v3 certificate for ten years (RFC 5280): Node reads certificates but can't make one. */
export function selfSignedCertificate(privateKey: KeyObject, publicKey: KeyObject, nowMs: number): string {
  const sha256WithRsa = sequence(Buffer.from('06092a864886f70d01010b', 'hex'), Buffer.from('0500', 'hex'))
  const commonName = sequence(Buffer.from('0603550403', 'hex'), tagged(0x0c, Buffer.from('sns.millrace.local')))
  const name = sequence(tagged(0x31, commonName))
  const validity = sequence(utcTime(nowMs - 86_400_000), utcTime(nowMs + 3650 * 86_400_000))
  const version3 = tagged(0xa0, Buffer.from('020102', 'hex'))
  const serial = tagged(0x02, derInteger(nowMs))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const content = sequence(version3, serial, sha256WithRsa, name, validity, name, key)
  const signature = tagged(0x03, Buffer.concat([Buffer.of(0), sign('sha256', content, privateKey)]))
  const base64 = sequence(content, sha256WithRsa, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

/** DER: tag, length, content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...head), content])
}

/** Positive and in the fewest bytes, as DER wants it. */
function derInteger(value: number): Buffer {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return bytes[0]! < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes])
}

function utcTime(ms: number): Buffer {
  return tagged(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`))
}
