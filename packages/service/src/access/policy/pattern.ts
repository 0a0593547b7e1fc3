import type { ConditionKeys } from './condition-keys.ts'

/** A piece of a pattern: literal text, `*`, `?`, or a policy variable such as `${aws:username}`. */
type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'many' }
  | { readonly kind: 'one' }
  | { readonly kind: 'variable'; readonly key: string; readonly otherwise: string | undefined }

/** Character codes, with the two wildcards as numbers that no character has. */
type Glob = Int32Array

const many = -1
const one = -2

/**
 * A text with wildcards (`*`: any characters, `?`: one) and policy variables, as IAM has them. `${*}`, `${?}` and `${$}`
 * stand for the characters themselves; what a variable stands for is literal, also when it has wildcards in it;
 * `${key, 'other'}` gives a value for a key that is absent.
 */
export class Pattern {
  readonly #parts: readonly Part[]
  readonly #glob: Glob | undefined

  private constructor(parts: readonly Part[]) {
    this.#parts = parts
    this.#glob = parts.some(({ kind }) => kind === 'variable') ? undefined : toGlob(parts, new Map())
  }

  /** Errors: a `SyntaxError` that says what is wrong with a variable. */
  static of(text: string, { variables, wildcards = true }: { variables: boolean; wildcards?: boolean }): Pattern {
    return new Pattern(parse(text, variables, wildcards))
  }

  /** Names of the keys it asks for, in lower case. */
  get keys(): readonly string[] {
    return this.#parts.flatMap((part) => (part.kind === 'variable' ? [part.key] : []))
  }

  /** Undefined when it has a variable whose key the request doesn't have, or has more than once. */
  matches(text: string, keys: ConditionKeys): boolean | undefined {
    const glob = this.#glob ?? toGlob(this.#parts, keys)
    return glob === undefined ? undefined : matchesGlob(glob, text)
  }

  /** Its text when it has no wildcards; undefined as for `matches`. */
  literal(keys: ConditionKeys): string | undefined {
    const glob = this.#glob ?? toGlob(this.#parts, keys)
    return glob === undefined ? undefined : String.fromCharCode(...glob)
  }
}

function parse(text: string, variables: boolean, wildcards: boolean): Part[] {
  const parts: Part[] = []
  let literal = ''
  const add = (part: Part) => {
    if (literal !== '') parts.push({ kind: 'text', text: literal })
    literal = ''
    parts.push(part)
  }
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (wildcards && char === '*') add({ kind: 'many' })
    else if (wildcards && char === '?') add({ kind: 'one' })
    else if (variables && char === '$' && text[at + 1] === '{') {
      const end = text.indexOf('}', at)
      if (end < 0) throw new SyntaxError('a policy variable has no closing }')
      const inside = text.slice(at + 2, end)
      if (inside === '*' || inside === '?' || inside === '$') literal += inside
      else add(variable(inside))
      at = end
    } else literal += char
  }
  if (literal !== '') parts.push({ kind: 'text', text: literal })
  return parts
}

function variable(inside: string): Part {
  const parsed = /^\s*([\w:/+=.@-]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inside)
  if (parsed === null) throw new SyntaxError(`\${${inside}} is not a policy variable`)
  return { kind: 'variable', key: parsed[1]!.toLowerCase(), otherwise: parsed[2] }
}

function toGlob(parts: readonly Part[], keys: ConditionKeys): Glob | undefined {
  const codes: number[] = []
  for (const part of parts) {
    if (part.kind === 'many') codes.push(many)
    else if (part.kind === 'one') codes.push(one)
    else {
      const text = part.kind === 'text' ? part.text : valueFrom(part, keys)
      if (text === undefined) return undefined
      for (let i = 0; i < text.length; i++) codes.push(text.charCodeAt(i))
    }
  }
  return Int32Array.from(codes)
}

function valueFrom({ key, otherwise }: Part & { kind: 'variable' }, keys: ConditionKeys): string | undefined {
  const values = keys.get(key)
  if (values === undefined) return otherwise
  return values.length === 1 ? values[0] : undefined
}

/** Goes back to the latest `*` only: pattern × text at worst, where a regular expression could take for ever. */
function matchesGlob(glob: Glob, text: string): boolean {
  let at = 0
  let i = 0
  let star = -1
  let afterStar = 0
  while (i < text.length) {
    const code = glob[at]
    if (code === many) {
      star = at++
      afterStar = i
    } else if (code === one || (code !== undefined && code === text.charCodeAt(i))) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++afterStar
    } else return false
  }
  while (glob[at] === many) at++
  return at === glob.length
}
