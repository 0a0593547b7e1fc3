import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { EngineError, type Logger } from '@millrace/engine/spi'

/** Where the certificate with its chain and its private key lie, both PEM. */
export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate from files that can be read again: a renewed one then serves new connections. */
export class TlsCertificate {
  readonly #files: TlsFiles
  readonly #logger: Logger
  readonly #listeners: (() => void)[] = []
  #current: Certificate

  private constructor(files: TlsFiles, logger: Logger, current: Certificate) {
    this.#files = files
    this.#logger = logger
    this.#current = current
  }

  /** Errors: `TLS_CERTIFICATE_INVALID` (invalid). */
  static async load(files: TlsFiles, logger: Logger): Promise<TlsCertificate> {
    return new TlsCertificate(files, logger, await read(files))
  }

  get current(): Certificate {
    return this.#current
  }

  /** Calls `listener` whenever `current` has become another. */
  onRenewed(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Reads the files again; a certificate that can't be used is told, and the one before stays. */
  async reload(): Promise<void> {
    try {
      const read = await readIfOther(this.#files, this.#current)
      if (read === undefined) return
      this.#current = read
      for (const listener of this.#listeners) listener()
      this.#logger.info('certificate renewed', { file: this.#files.certificateFile })
    } catch (error) {
      this.#logger.error('certificate not renewed', { reason: (error as Error).message })
    }
  }
}

async function readIfOther(files: TlsFiles, before: Certificate): Promise<Certificate | undefined> {
  const found = await read(files)
  return found.cert === before.cert && found.key === before.key ? undefined : found
}

async function read({ certificateFile, keyFile }: TlsFiles): Promise<Certificate> {
  try {
    const [cert, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')])
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (cause) {
    throw new EngineError('TLS_CERTIFICATE_INVALID', {
      kind: 'invalid',
      message: `The certificate ${certificateFile} with the key ${keyFile} can't be used (${(cause as Error).message}).`,
      hint: 'Both are PEM files, and the key is the one of the certificate.',
      details: { certificateFile, keyFile },
      cause,
    })
  }
}
