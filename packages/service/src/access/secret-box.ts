import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'
import { loadOrCreateSecretFile } from './secret-file.ts'

const algorithm = 'aes-256-gcm'
const ivBytes = 12
const tagBytes = 16

/**
 * Encrypts what the store holds of secrets (AES-256-GCM). To verify a signature the secret itself is needed, so that it
 * can't be kept as a hash; who has the store without the key has no secret.
 */
export class SecretBox {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  /** `name`: what it is for; the text can't be opened as another. */
  seal(text: string, name: string): string {
    const iv = randomBytes(ivBytes)
    const cipher = createCipheriv(algorithm, this.#key, iv).setAAD(Buffer.from(name))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** Errors: `ACCESS_KEY_WRONG` (invalid) when it was sealed with another key. */
  open(sealed: string, name: string): string {
    const bytes = Buffer.from(sealed, 'base64url')
    try {
      const decipher = createDecipheriv(algorithm, this.#key, bytes.subarray(0, ivBytes)).setAAD(Buffer.from(name))
      decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8')
    } catch (cause) {
      throw new EngineError('ACCESS_KEY_WRONG', {
        kind: 'invalid',
        message: `The secret of ${name} can't be decrypted: the store was written with another key.`,
        hint: "Give the one it was written with: the data directory's access.key, or MILLRACE_ACCESS_KEY at several nodes.",
        cause,
      })
    }
  }
}

/**
 * The box of `given` (64 hex digits, MILLRACE_ACCESS_KEY), or of `access.key` in the directory, mode 0600, made at the
 * first start. Errors: `ACCESS_KEY_INVALID`.
 */
export async function openSecretBox(directory: string, given: string | undefined): Promise<SecretBox> {
  const path = join(directory, 'access.key')
  const text = given ?? (await loadOrCreateSecretFile(path, () => `${randomBytes(32).toString('hex')}\n`))
  if (/^[0-9a-fA-F]{64}\s*$/.test(text)) return new SecretBox(Buffer.from(text.trim(), 'hex'))
  throw new EngineError('ACCESS_KEY_INVALID', {
    kind: 'invalid',
    message: `${given === undefined ? path : 'MILLRACE_ACCESS_KEY'} must be 64 hexadecimal digits.`,
    hint: 'Make one with: openssl rand -hex 32',
  })
}
