/**
 * MurmurHash3 x86 32-bit, seed 0, of `bytes[start, end)`, as an int32.
 * Source: Austin Appleby's MurmurHash3.cpp (public domain), `MurmurHash3_x86_32`.
 */
export function murmur3(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = 0
  let i = start
  for (const last = end - 4; i <= last; i += 4) {
    hash = mix(hash, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
  }
  let tail = 0
  const left = end - i
  if (left === 3) tail ^= bytes[i + 2]! << 16
  if (left >= 2) tail ^= bytes[i + 1]! << 8
  if (left >= 1) {
    tail ^= bytes[i]!
    hash ^= scramble(tail)
  }
  return finish(hash ^ (end - start))
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0
}

function scramble(block: number): number {
  const c = Math.imul(block, 0xcc9e_2d51)
  return Math.imul((c << 15) | (c >>> 17), 0x1b87_3593)
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85eb_ca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2_ae35)
  return h ^ (h >>> 16)
}
