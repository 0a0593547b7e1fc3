import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RoleS3 } from '../../access/role-s3.ts'
import type { Shapes } from '../../model/shapes.ts'
import { ApiError, invalidArgument } from '../../wire/api-error.ts'
import type { StoredCode } from '../application-record.ts'
import { checkBundle, codeInvalid, refusePlainText } from './check-bundle.ts'
import { type CodeOwner, readObject } from './read-object.ts'

/** Code as a request brings it: one of the three. */
export interface GivenCode {
  readonly contentType: 'ZIPFILE' | 'PLAINTEXT'
  readonly zip?: Buffer | undefined
  readonly text?: string | undefined
  readonly s3?: Shapes['S3ContentLocation'] | undefined
}

/** Durable and visible to all nodes when it resolves, to its name there. */
type ShareCode = (sha256: string, bytes: Uint8Array) => Promise<string>

const MAX_CODE_BYTES = 50 << 20

/** Keeps applications' code below the data directory, by content: a version's code never changes under it. */
export class CodeStore {
  readonly #dataDirectory: string
  readonly #s3: Pick<RoleS3, 'open'> | undefined
  readonly #share: ShareCode | undefined

  /** Without `s3` code from S3 is refused. `share`: puts it where other nodes find it, too. */
  constructor(dataDirectory: string, s3: Pick<RoleS3, 'open'> | undefined, share?: ShareCode) {
    this.#dataDirectory = dataDirectory
    this.#s3 = s3
    this.#share = share
  }

  /**
   * Fetches and checks code, and has it on stable storage when it resolves.
   * Errors: `CodeValidationException`, `InvalidArgumentException` (none or two of the places; an S3 object that can't be
   * read), `UnsupportedOperationException` (S3 isn't offered).
   */
  async store(owner: CodeOwner, given: GivenCode): Promise<StoredCode> {
    const places = [given.zip, given.text, given.s3].filter((place) => place !== undefined)
    if (given.contentType === 'PLAINTEXT' || given.text !== undefined) throw refusePlainText()
    if (places.length !== 1) {
      throw invalidArgument('CodeContent must have exactly one of ZipFileContent, S3ContentLocation and TextContent.')
    }
    const bytes = given.zip ?? (await this.#fetch(given.s3!, owner))
    if (bytes.length > MAX_CODE_BYTES) throw codeInvalid(`The code is larger than ${MAX_CODE_BYTES} bytes.`)
    await checkBundle(bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const file = `apps/${owner.name}/code/${sha256}.zip`
    await writeDurably(this.#dataDirectory, file, bytes)
    const shared = await this.#share?.(sha256, bytes)
    return {
      contentType: 'ZIPFILE',
      file,
      sizeBytes: bytes.length,
      sha256,
      md5: createHash('md5').update(bytes).digest('hex'),
      ...(shared === undefined ? {} : { shared }),
      ...(given.s3 === undefined ? {} : { s3: described(given.s3) }),
    }
  }

  async #fetch(location: Shapes['S3ContentLocation'], owner: CodeOwner): Promise<Buffer> {
    if (this.#s3 !== undefined) return Buffer.from(await readObject(this.#s3, location, owner))
    throw new ApiError('UnsupportedOperationException', 'Code from S3 is not offered here: send it as ZipFileContent.')
  }
}

function described({ BucketARN, FileKey, ObjectVersion }: Shapes['S3ContentLocation']): NonNullable<StoredCode['s3']> {
  return { BucketARN, FileKey, ...(ObjectVersion === undefined ? {} : { ObjectVersion }) }
}

/** Writes a new file with its folders; what is there already is replaced by the same. */
async function writeDurably(root: string, file: string, bytes: Buffer): Promise<void> {
  const path = join(root, file)
  const folders: string[] = []
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder)) folders.push(folder)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const handle = await open(fresh, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, path)
  } finally {
    await rm(fresh, { force: true })
  }
  for (const folder of [...folders, root]) await syncFolder(folder)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
