import type { ByteWriter } from '../common/byte-writer.ts'

/** Appends the shortest two's complement form, little-endian: `BigInteger.toByteArray()` reversed. 0 is one zero byte. */
export function writeTwosComplement(writer: ByteWriter, value: bigint): void {
  let rest = value
  for (;;) {
    const byte = Number(BigInt.asUintN(8, rest))
    writer.u8(byte)
    rest >>= 8n
    // Done once the sign bit of the last byte says what all further bytes would be.
    if (byte < 0x80 ? rest === 0n : rest === -1n) return
  }
}

/** The integer whose two's complement form, little-endian, these bytes are. */
export function bigintOf(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  const unsigned = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  return BigInt.asIntN(bytes.length * 8, unsigned)
}
