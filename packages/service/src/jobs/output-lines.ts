/** Longer lines of a program's output are cut into pieces of this size. */
const maxCharacters = 32 * 1024

/** Makes lines of a program's output as it comes; characters that arrive in two pieces stay one. */
export class OutputLines {
  readonly #write: (line: string) => void
  readonly #decoder = new TextDecoder()
  #rest = ''

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n')
    this.#rest = lines.pop() as string
    for (const line of lines) this.#write(line.replace(/\r$/, ''))
    while (this.#rest.length > maxCharacters) {
      this.#write(this.#rest.slice(0, maxCharacters))
      this.#rest = this.#rest.slice(maxCharacters)
    }
  }

  /** What came after the last line break. */
  end(): void {
    const rest = this.#rest + this.#decoder.decode()
    this.#rest = ''
    if (rest !== '') this.#write(rest)
  }
}
