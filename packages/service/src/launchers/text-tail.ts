/** Keeps the end of a text that comes in pieces: at most `limit` characters, and it says when there was more. */
export class TextTail {
  readonly #limit: number
  readonly #decoder = new TextDecoder()
  #text = ''
  #cut = false

  constructor(limit: number) {
    this.#limit = limit
  }

  push(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true })
    if (this.#text.length <= this.#limit) return
    this.#text = this.#text.slice(-this.#limit)
    this.#cut = true
  }

  toString(): string {
    return this.#cut ? `…${this.#text}` : this.#text
  }
}
