import type { Random } from './random.ts'

/** A version 4 UUID (RFC 9562) from the handed-in chance: for names that must not meet again, not for secrets. */
export function randomUuid(random: Random): string {
  let hex = ''
  for (let word = 0; word < 4; word++) hex += random.int(0, 0xffff_ffff).toString(16).padStart(8, '0')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
