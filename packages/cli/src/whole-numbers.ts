import { InvalidArgumentError } from 'commander'

/** An option's value that is a whole number, 0 or more. */
export function natural(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, 0 or more.')
}

/** An option's value that is a whole number, 1 or more. */
export function positive(text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, 1 or more.')
}
