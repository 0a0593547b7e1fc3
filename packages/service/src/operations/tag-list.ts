import type { Shapes } from '../model/shapes.ts'
import { invalidArgument } from '../wire/api-error.ts'

/** Tags by key; no value is the empty one. Errors: `InvalidArgumentException` (a key twice; the reserved prefix). */
export function tagsOf(list: readonly Shapes['Tag'][]): Record<string, string> {
  const tags = new Map(list.map(({ Key, Value }) => [Key, Value ?? '']))
  if (tags.size < list.length) throw invalidArgument('Two tags have the same Key.')
  const reserved = [...tags.keys()].find((key) => key.toLowerCase().startsWith('aws:'))
  if (reserved !== undefined) throw invalidArgument(`The tag key ${reserved} is reserved: it begins with aws:.`)
  return Object.fromEntries(tags)
}
