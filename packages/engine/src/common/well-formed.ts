/** Node has these two since version 20; TypeScript's library lists them from ES2024 on. */
interface WellFormedString {
  isWellFormed(): boolean
  toWellFormed(): string
}

/** Whether every surrogate is part of a pair: whether the string has a UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormedString).isWellFormed()
}

/** The string with U+FFFD in the place of each lone surrogate. */
export function toWellFormed(text: string): string {
  return (text as unknown as WellFormedString).toWellFormed()
}
