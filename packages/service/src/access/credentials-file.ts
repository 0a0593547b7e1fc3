import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'

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
  const existing = await readIfThere(path)
  if (existing === undefined) await createCredentials(path)
  const credentials = parseCredentials(existing ?? (await readFile(path, 'utf8')))
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

/** Exclusive by `link`: of two first starts at once one makes the key, and both use it. */
async function createCredentials(path: string): Promise<void> {
  const accessKeyId = `MRLOCAL${base32(randomBytes(13))}`.slice(0, 20)
  const secretAccessKey = randomBytes(30).toString('base64url')
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(`[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(fresh, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(fresh, { force: true })
  }
}

function base32(bytes: Buffer): string {
  return Array.from(bytes, (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte & 31]).join('')
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
