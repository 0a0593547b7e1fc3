import { EngineError } from '@millrace/engine/spi'

const token = /yyyy|MM|dd|HH|mm|ss|'[^']*'|[^A-Za-z']+/gy

/** The time (epoch ms) in UTC by a pattern of `yyyy MM dd HH mm ss`, quoted text and anything that isn't a letter. */
export function formatUtc(pattern: string, timeMs: number): string {
  const date = new Date(timeMs)
  const two = (n: number) => String(n).padStart(2, '0')
  const fields: Record<string, () => string> = {
    yyyy: () => String(date.getUTCFullYear()).padStart(4, '0'),
    MM: () => two(date.getUTCMonth() + 1),
    dd: () => two(date.getUTCDate()),
    HH: () => two(date.getUTCHours()),
    mm: () => two(date.getUTCMinutes()),
    ss: () => two(date.getUTCSeconds()),
  }
  const literal = (text: string) => (text.startsWith("'") ? text.slice(1, -1) : text)
  return (pattern.match(token) ?? []).map((part) => fields[part]?.() ?? literal(part)).join('')
}

/** @throws `OPTION_INVALID` when a letter in the pattern means nothing here. */
export function checkTimePattern(pattern: string): void {
  const understood = (pattern.match(token) ?? []).join('')
  if (pattern !== '' && understood === pattern) return
  throw new EngineError('OPTION_INVALID', {
    kind: 'invalid',
    message: `eventTimeBuckets: option 'pattern' isn't understood from '${pattern.slice(understood.length)}' on.`,
    hint: "Use yyyy, MM, dd, HH, mm, ss; put other letters in quotes: 'day='yyyy-MM-dd.",
    details: { option: 'pattern' },
  })
}
