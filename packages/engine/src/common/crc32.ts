/**
 * CRC-32 as in zlib, gzip and PNG (polynomial 0xedb88320 reflected, start and end inverted), as an unsigned 32-bit
 * number. `previous` continues over further bytes: `crc32(b, crc32(a))` is the CRC of a then b.
 * Eight tables take eight bytes a step ("slicing by 8", Kounavis and Berry 2005): node:zlib has no crc32 on Node 20.
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables
  let crc = ~previous
  let i = 0
  for (const last = bytes.length - 8; i <= last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}

type Table = Int32Array
type Tables = [Table, Table, Table, Table, Table, Table, Table, Table]
const tables = makeTables()

function makeTables(): Tables {
  const all = Array.from({ length: 8 }, () => new Int32Array(256)) as Tables
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
    all[0][i] = crc
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const before = all[t - 1]![i]!
      all[t]![i] = (before >>> 8) ^ all[0][before & 0xff]!
    }
  }
  return all
}
