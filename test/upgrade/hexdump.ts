const WIDTH = 16

/** Bytes as text that a person can read: offset, bytes, and what of them is printable ASCII. */
export function hexdump(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = [...bytes.subarray(at, at + WIDTH)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = row.map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    text += `${at.toString(16).padStart(6, '0')}  ${hex.padEnd(WIDTH * 3 - 1)}  ${ascii}\n`
  }
  return text
}

/** The bytes of a `hexdump`. */
export function parseHexdump(text: string): Uint8Array {
  const rows = text.split('\n').map((line) => line.slice(8, 8 + WIDTH * 3 - 1))
  return new Uint8Array(Buffer.from(rows.join('').replaceAll(' ', ''), 'hex'))
}
