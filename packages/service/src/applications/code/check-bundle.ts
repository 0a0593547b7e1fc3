import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { ApiError } from '../../wire/api-error.ts'
import { readZipDirectory, type ZipEntry, ZipError } from './zip-directory.ts'

/** What a bundle may be unpacked. */
const MAX_UNPACKED_BYTES = 512 << 20
const MAX_MANIFEST_BYTES = 1 << 20
const ENTRIES = ['app.mjs', 'index.mjs', 'main.mjs', 'app.js', 'index.js', 'main.js']
const HOW = 'Deploy a bundle made by: millrace build app.ts'

/**
 * Checks that a zip is a bundle of `millrace build` that can be unpacked: paths that stay inside, sizes that are as
 * declared and within bounds, a main module. Nothing is kept of what is unpacked for it.
 * Errors: `CodeValidationException`; code of another runtime is told which one takes it.
 */
export async function checkBundle(zip: Buffer): Promise<void> {
  try {
    const files = filesByPath(readZipDirectory(zip))
    refuseJavaArchive(files)
    await checkSizes(files)
    await checkMainModule(files)
  } catch (error) {
    if (error instanceof ZipError) throw codeInvalid(`The code can't be used: ${error.message}. ${HOW}`)
    throw error
  }
}

/** Flink SQL text: for a runtime of its own. */
export function refusePlainText(): ApiError {
  return codeInvalid(`PLAINTEXT code is Flink SQL: it takes the SQL runtime, which isn't offered here yet. ${HOW}`)
}

/** An application's code is not what can be run. */
export function codeInvalid(message: string): ApiError {
  return new ApiError('CodeValidationException', message)
}

type Files = ReadonlyMap<string, ZipEntry>

function filesByPath(entries: readonly ZipEntry[]): Files {
  const files = new Map<string, ZipEntry>()
  for (const entry of entries) {
    const path = safePath(entry.name)
    if (files.has(path)) throw new ZipError(`it has two files ${shown(path)}`)
    files.set(path, entry)
  }
  return files
}

/** A path that stays inside the bundle's folder on every system. */
function safePath(name: string): string {
  const path = posix.normalize(name.replaceAll('\\', '/'))
  const leadsOut = path === '..' || path.startsWith('../') || posix.isAbsolute(path) || /^[a-z]:/i.test(path)
  if (leadsOut || path.includes('\0')) throw new ZipError(`the path ${shown(name)} leads out of it`)
  return path
}

function refuseJavaArchive(files: Files): void {
  const isJava = [...files.keys()].some((path) => path === 'META-INF/MANIFEST.MF' || path.endsWith('.class'))
  if (!isJava) return
  throw codeInvalid(`This is a Java archive (JAR): it takes the Flink runtime, which isn't offered here yet. ${HOW}`)
}

async function checkSizes(files: Files): Promise<void> {
  let declaredBytes = 0
  for (const { sizeBytes } of files.values()) declaredBytes += sizeBytes
  if (declaredBytes > MAX_UNPACKED_BYTES) throw new ZipError(`it has more than ${MAX_UNPACKED_BYTES} bytes unpacked`)
  for (const entry of files.values()) await unpack(entry, () => {})
}

/** Unpacks a file piece by piece, never further than its declared size. */
async function unpack({ name, method, data, sizeBytes }: ZipEntry, take: (chunk: Buffer) => void): Promise<void> {
  let unpackedBytes = 0
  // One chunk of the zip, not one of each byte: a Buffer by itself would be iterated over.
  const source = Readable.from([data])
  const chunks = method === 'stored' ? source : source.pipe(createInflateRaw())
  try {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      unpackedBytes += chunk.length
      if (unpackedBytes > sizeBytes) break
      take(chunk)
    }
  } catch (error) {
    throw new ZipError(`${shown(name)} can't be unpacked (${(error as Error).message})`)
  }
  if (unpackedBytes !== sizeBytes) throw new ZipError(`${shown(name)} is not of the size that is declared`)
}

async function checkMainModule(files: Files): Promise<void> {
  const manifest = files.get('package.json')
  const main = manifest === undefined ? undefined : await mainOf(manifest)
  if (main !== undefined) {
    if (files.has(safePath(main))) return
    throw new ZipError(`its package.json names ${shown(main)} as main, which isn't in it`)
  }
  if (ENTRIES.some((path) => files.has(path))) return
  if ([...files.keys()].some((path) => path.endsWith('.py'))) {
    throw codeInvalid(`This is a PyFlink application: it takes the Flink runtime, which isn't offered here yet. ${HOW}`)
  }
  throw new ZipError('it has no app.mjs, and no package.json that names a main module')
}

async function mainOf(manifest: ZipEntry): Promise<string | undefined> {
  if (manifest.sizeBytes > MAX_MANIFEST_BYTES) throw new ZipError('its package.json is too large')
  const chunks: Buffer[] = []
  await unpack(manifest, (chunk) => chunks.push(chunk))
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new ZipError(`its package.json isn't JSON (${(error as Error).message})`)
  }
  const main = (parsed as { main?: unknown } | null)?.main
  return typeof main === 'string' ? main : undefined
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}
