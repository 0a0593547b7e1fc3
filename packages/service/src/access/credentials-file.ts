import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'
import { loadOrCreateSecretFile } from './secret-file.ts'

/** A local access key: as secret as the data it opens. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * The key in `<directory>/credentials`, in the AWS shared-credentials format (so AWS_SHARED_CREDENTIALS_FILE can point
 * there), created with mode 0600 at the first start; the directory gets mode 0700.
 * Errors: `CREDENTIALS_INVALID` when the file has no `[default]` key.
 */
export async function loadOrCreateCredentials(directory: string): Promise<Credentials> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  const path = join(directory, 'credentials')
  const credentials = parseCredentials(await loadOrCreateSecretFile(path, newCredentials))
  if (credentials !== undefined) return credentials
  throw new EngineError('CREDENTIALS_INVALID', {
    kind: 'invalid',
    message: `${path} has no aws_access_key_id and aws_secret_access_key under [default].`,
    hint: 'Correct the file, or remove it to get a new key.',
    details: { path },
  })
}

/** The `[default]` key of a shared-credentials file. */
export function parseCredentials(text: string): Credentials | undefined {
  const values = new Map<string, string>()
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[([^\]]+)\]\s*$/.exec(line)?.[1]?.trim() ?? section
    const pair = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/.exec(line)
    if (section === 'default' && pair !== null) values.set(pair[1]!, pair[2]!)
  }
  const accessKeyId = values.get('aws_access_key_id')
  const secretAccessKey = values.get('aws_secret_access_key')
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return { accessKeyId, secretAccessKey }
}

function newCredentials(): string {
  const secretAccessKey = randomBytes(30).toString('base64url')
  return `[default]\naws_access_key_id = ${newKeyId('MRLOCAL')}\naws_secret_access_key = ${secretAccessKey}\n`
}

/** 20 characters, as Amazon's are. */
export function newKeyId(prefix: string): string {
  return `${prefix}${base32(randomBytes(20))}`.slice(0, 20)
}

function base32(bytes: Buffer): string {
  return Array.from(bytes, (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte & 31]).join('')
}
