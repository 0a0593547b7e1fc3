/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Where and why a text isn't JSON; line and column count from 1. */
export class JsonError extends Error {}

const maxDepth = 32
const token = /\s*(?:([[\]{}:,])|("(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|([^\s[\]{}:,"]+))/y

/**
 * Parses JSON as `JSON.parse` does, but tells where it fails and refuses an object that has a member twice: of two
 * conditions under one name only one would count.
 */
export function parseStrictJson(text: string): Json {
  return new Parser(text).document()
}

class Parser {
  readonly #text: string
  #at = 0
  /** Where the latest token begins. */
  #start = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Json {
    const value = this.#value(this.#next(), 0)
    if (this.#text.slice(this.#at).trim() === '') return value
    this.#next()
    throw this.#error('more than one value')
  }

  #value(word: string, depth: number): Json {
    if (depth > maxDepth) throw this.#error('nested too deep')
    if (word === '{') return this.#object(depth)
    if (word === '[') return this.#array(depth)
    if (/^[\]}:,]$/.test(word)) throw this.#error(`'${word}' where a value should be`)
    return this.#literal(word)
  }

  #literal(word: string): Json {
    try {
      return JSON.parse(word) as Json
    } catch {
      throw this.#error(`${word.slice(0, 32)} is not a value`)
    }
  }

  #array(depth: number): Json[] {
    const values: Json[] = []
    let word = this.#next()
    if (word === ']') return values
    for (;;) {
      values.push(this.#value(word, depth + 1))
      if (this.#expect(',', ']') === ']') return values
      word = this.#next()
    }
  }

  #object(depth: number): { readonly [name: string]: Json } {
    const members = new Map<string, Json>()
    let word = this.#next()
    if (word === '}') return {}
    for (;;) {
      if (!word.startsWith('"')) throw this.#error(`${word.slice(0, 32)} where a name in quotes should be`)
      const name = this.#literal(word) as string
      if (members.has(name)) throw this.#error(`${word.slice(0, 64)} is there twice`)
      this.#expect(':', ':')
      members.set(name, this.#value(this.#next(), depth + 1))
      if (this.#expect(',', '}') === '}') return Object.fromEntries(members)
      word = this.#next()
    }
  }

  #expect(one: string, other: string): string {
    const word = this.#next()
    if (word === one || word === other) return word
    const expected = one === other ? `'${one}'` : `'${one}' or '${other}'`
    throw this.#error(`${word.slice(0, 32)} where ${expected} should be`)
  }

  #next(): string {
    token.lastIndex = this.#at
    const found = token.exec(this.#text)
    const rest = this.#text.slice(this.#at)
    this.#start = this.#at + (rest.length - rest.trimStart().length)
    if (found === null)
      throw this.#error(rest.trim() === '' ? 'it ends too early' : 'a text that is not closed or has a bad escape')
    this.#at = token.lastIndex
    return found[1] ?? found[2] ?? found[3]!
  }

  #error(what: string): JsonError {
    const before = this.#text.slice(0, this.#start).split('\n')
    return new JsonError(`line ${before.length}, column ${before.at(-1)!.length + 1}: ${what}`)
  }
}
