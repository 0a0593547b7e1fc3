/** Compares two sequence numbers as the whole numbers they are: decimal, without leading zeros, too long for a double. */
export function compareSequenceNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}
