/** A file in a zip, as the central directory at its end declares it. */
export interface ZipEntry {
  readonly name: string
  readonly method: 'stored' | 'deflated'
  /** In the zip. */
  readonly data: Buffer
  /** Unpacked, as declared. */
  readonly sizeBytes: number
}

/** Something in a zip that nobody should unpack. */
export class ZipError extends Error {}

const END = 0x06054b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
const MAX_ENTRIES = 10_000
const SYMBOLIC_LINK = 0xa000

/**
 * The entries of a zip, read as the unpacker reads them: by the central directory that the last end record points at.
 * Folders are left out. No size is believed to be true. Errors: `ZipError`.
 */
export function readZipDirectory(zip: Buffer): ZipEntry[] {
  const end = findEnd(zip)
  const count = zip.readUInt16LE(end + 8)
  let at = zip.readUInt32LE(end + 16)
  if (count === 0xffff || at === 0xffffffff) throw new ZipError('it is a zip64 archive')
  if (count !== zip.readUInt16LE(end + 10)) throw new ZipError('its directory is damaged')
  if (count > MAX_ENTRIES) throw new ZipError(`it has more than ${MAX_ENTRIES} entries`)
  const entries: ZipEntry[] = []
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || zip.readUInt32LE(at) !== ENTRY) throw new ZipError('its directory is damaged')
    const nameLength = zip.readUInt16LE(at + 28)
    const next = at + 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
    if (next > end) throw new ZipError('its directory is damaged')
    const entry = readEntry(zip, at, nameLength)
    if (!entry.name.endsWith('/')) entries.push(entry)
    at = next
  }
  return entries
}

/** The end record's place: the last one in the zip, with a comment of at most 64 KiB behind it. */
function findEnd(zip: Buffer): number {
  for (let at = zip.length - 22; at >= 0 && at >= zip.length - 65_558; at--) {
    if (zip.readUInt32LE(at) === END) return at
  }
  throw new ZipError("it isn't a zip archive")
}

function readEntry(zip: Buffer, at: number, nameLength: number): ZipEntry {
  const flags = zip.readUInt16LE(at + 8)
  const name = zip.toString((flags & 0x800) === 0 ? 'latin1' : 'utf8', at + 46, at + 46 + nameLength)
  const shown = JSON.stringify(name.slice(0, 200))
  if ((flags & 1) !== 0) throw new ZipError(`${shown} is encrypted`)
  if ((zip.readUInt16LE(at + 40) & 0xf000) === SYMBOLIC_LINK) throw new ZipError(`${shown} is a symbolic link`)
  const method = zip.readUInt16LE(at + 10)
  if (method !== 0 && method !== 8) throw new ZipError(`${shown} is packed by a method other than deflate`)
  const packedBytes = zip.readUInt32LE(at + 20)
  const local = zip.readUInt32LE(at + 42)
  if (local + 30 > zip.length || zip.readUInt32LE(local) !== LOCAL) throw new ZipError(`${shown} has no data`)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  if (start + packedBytes > zip.length) throw new ZipError(`${shown} is cut off`)
  return {
    name,
    method: method === 0 ? 'stored' : 'deflated',
    data: zip.subarray(start, start + packedBytes),
    sizeBytes: zip.readUInt32LE(at + 24),
  }
}
