/** Where a text stops being JSON: `offset` counts UTF-16 units from 0. */
export interface JsonError {
  readonly offset: number
  readonly problem: string
}

/** The first place at which `JSON.parse` must give up (RFC 8259), or undefined when the text is JSON. */
export function findJsonError(text: string): JsonError | undefined {
  const scanner = new Scanner(text)
  return scanner.document()
}

/** What may come next: a value, the first entry or end of an object or array, or what follows a value. */
type Expecting = 'value' | 'first-member' | 'member' | 'first-element' | 'after-value'

/** Walks the text without recursion: an error deep inside a thousand arrays is an error like any other. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonError | undefined {
    const open: ('{' | '[')[] = []
    let expecting: Expecting = 'value'
    for (;;) {
      this.#skip(/[ \t\n\r]*/y)
      const next = this.#text[this.#at]
      if (expecting === 'after-value') {
        const inside = open.at(-1)
        if (inside === undefined) return next === undefined ? undefined : this.#error('text after the value')
        if (next === ',') {
          this.#at++
          expecting = inside === '{' ? 'member' : 'value'
        } else if (next === (inside === '{' ? '}' : ']')) {
          this.#at++
          open.pop()
        } else return this.#error(inside === '{' ? "expected ',' or '}'" : "expected ',' or ']'")
        continue
      }
      if ((expecting === 'first-member' && next === '}') || (expecting === 'first-element' && next === ']')) {
        this.#at++
        open.pop()
        expecting = 'after-value'
        continue
      }
      if (expecting === 'first-member' || expecting === 'member') {
        if (next !== '"') return this.#error('expected a name in quotes')
        const problem = this.#string() ?? this.#colon()
        if (problem !== undefined) return problem
        expecting = 'value'
        continue
      }
      if (next === '{' || next === '[') {
        this.#at++
        open.push(next)
        expecting = next === '{' ? 'first-member' : 'first-element'
        continue
      }
      const problem = this.#scalar(next)
      if (problem !== undefined) return problem
      expecting = 'after-value'
    }
  }

  #colon(): JsonError | undefined {
    this.#skip(/[ \t\n\r]*/y)
    if (this.#text[this.#at] !== ':') return this.#error("expected ':'")
    this.#at++
    return undefined
  }

  #scalar(next: string | undefined): JsonError | undefined {
    if (next === '"') return this.#string()
    if (this.#skip(/true|false|null/y)) return undefined
    if (!this.#skip(/-?(?:0|[1-9]\d*)/y)) return this.#error('expected a value')
    if (this.#skip(/\./y) && !this.#skip(/\d+/y)) return this.#error('expected a digit')
    if (this.#skip(/[eE]/y)) {
      this.#skip(/[+-]/y)
      if (!this.#skip(/\d+/y)) return this.#error('expected a digit')
    }
    return undefined
  }

  #string(): JsonError | undefined {
    this.#at++
    for (;;) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings
      this.#skip(/[^"\\\u0000-\u001f]*/y)
      const next = this.#text[this.#at]
      if (next === '"') {
        this.#at++
        return undefined
      }
      if (next !== '\\') return this.#error(next === undefined ? 'unclosed string' : 'control character in a string')
      if (!this.#skip(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y)) return this.#error('unknown escape')
    }
  }

  /** Moves behind what the sticky pattern matches here; false when it doesn't. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return false
    this.#at = pattern.lastIndex
    return true
  }

  #error(problem: string): JsonError {
    const ended = this.#at >= this.#text.length && problem !== 'unclosed string'
    return { offset: this.#at, problem: ended ? `ends early, ${problem}` : problem }
  }
}
