/** The longest ErrorString of the service model. */
export const MAX_ERROR_CHARACTERS = 512

/**
 * The reason of a failure for whoever reads DescribeApplicationOperation: the innermost cause's code and message, then
 * what it led to, as far as 512 characters go.
 */
export function rootCause(error: unknown): string {
  const chain: string[] = []
  for (let at: unknown = error; at !== undefined && chain.length < 8; at = (at as { cause?: unknown }).cause) {
    chain.push(describe(at))
    if (typeof at !== 'object' || at === null) break
  }
  const [root = 'unknown', ...outer] = chain.reverse()
  const hint = hintOf(error)
  const text = [root, ...outer.filter((line) => !root.includes(line) && !line.includes(root)), ...hint].join(' | ')
  return truncate(text)
}

/** Cut where a reader sees it, and never inside a character. */
function truncate(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (line.length <= MAX_ERROR_CHARACTERS) return line
  const cut = line.slice(0, MAX_ERROR_CHARACTERS - 1)
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && !error.message.startsWith(code) ? `${code}: ${error.message}` : error.message
}

function hintOf(error: unknown): readonly string[] {
  const hint = typeof error === 'object' && error !== null ? (error as { hint?: unknown }).hint : undefined
  return typeof hint === 'string' ? [hint] : []
}
