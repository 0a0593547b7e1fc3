import type { Random } from '@millrace/engine/spi'

/** A random UUID (version 4): request ids, message ids. Not a secret. */
export function randomUuid(random: Random): string {
  const words = Array.from({ length: 4 }, () => random.int(0, 0xffff_ffff).toString(16).padStart(8, '0')).join('')
  const variant = '89ab'[random.int(0, 3)]
  return `${words.slice(0, 8)}-${words.slice(8, 12)}-4${words.slice(13, 16)}-${variant}${words.slice(17, 20)}-${words.slice(20)}`
}
