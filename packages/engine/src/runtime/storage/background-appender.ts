/**
 * Lets `write` return at once: collects chunks and hands them to `append`, all that is there at a time, one call at a
 * time, in order. After a failure nothing more is appended and every call throws that failure.
 */
export class BackgroundAppender {
  /** Bytes handed to `write` so far. */
  lengthBytes = 0
  readonly #append: (chunks: readonly Uint8Array[]) => Promise<void>
  #appendedBytes = 0
  #chunks: Uint8Array[] = []
  #waiting: { readonly lengthBytes: number; readonly resolve: () => void; readonly reject: (e: unknown) => void }[] = []
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(append: (chunks: readonly Uint8Array[]) => Promise<void>) {
    this.#append = append
  }

  /** Bytes accepted but not appended yet. */
  get bufferedBytes(): number {
    return this.lengthBytes - this.#appendedBytes
  }

  write(bytes: Uint8Array): void {
    this.throwFailure()
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.lengthBytes += bytes.length
    this.#running ??= this.#run()
  }

  /** Resolves when the first `lengthBytes` bytes are appended, whatever is written meanwhile. */
  appended(lengthBytes: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#appendedBytes >= lengthBytes) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ lengthBytes, resolve, reject }))
  }

  /** Drops what isn't being appended yet and resolves when no call of `append` is under way. */
  async stop(error: unknown): Promise<void> {
    this.#failure ??= { error }
    this.#chunks = []
    await this.#running
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #run(): Promise<void> {
    // One turn's writes go out together: a batch of records is many small chunks.
    await Promise.resolve()
    while (this.#chunks.length > 0 && this.#failure === undefined) {
      const chunks = this.#chunks
      this.#chunks = []
      try {
        await this.#append(chunks)
        for (const chunk of chunks) this.#appendedBytes += chunk.length
      } catch (error) {
        this.#failure ??= { error }
      }
      this.#settle()
    }
    this.#settle()
    this.#running = undefined
  }

  #settle(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) {
      if (this.#appendedBytes >= waiter.lengthBytes) waiter.resolve()
      else if (this.#failure !== undefined) waiter.reject(this.#failure.error)
      else this.#waiting.push(waiter)
    }
  }
}
