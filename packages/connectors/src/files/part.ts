import type { PendingFile, PersistedFile, RecoverableFile } from '@millrace/engine/spi'
import { LineBuffer } from './line-buffer.ts'

/** What waits for its turn: bytes, or a call on the file. */
type Step =
  | Uint8Array
  | { readonly run: (file: RecoverableFile) => Promise<void>; readonly reject: (e: unknown) => void }

const NOTHING = new Uint8Array(0)

/**
 * A part being written. Every call returns at once and takes its place in order: what is added before `persist` or
 * `close` belongs to it, though the file may still be opening or an earlier `persist` be under way.
 */
export class Part {
  readonly bucket: string
  readonly targetPath: string
  /** Event time at which it is to be closed; undefined when its bucket has no end. */
  readonly endMs: number | undefined
  readonly openedMs: number
  /** Monotonic time of the newest line. */
  writtenMs: number
  lengthBytes = 0
  /** A snapshot names it: its bytes belong to a checkpoint, which may be restored, and must stay. */
  inSnapshot = false
  readonly #lines = new LineBuffer((chunk) => this.#push(chunk))
  readonly #steps: Step[] = []
  #queuedBytes = 0
  #file: RecoverableFile | undefined
  #busy = true
  #failure: { readonly error: unknown } | undefined

  constructor(
    about: { readonly bucket: string; readonly targetPath: string; readonly endMs: number | undefined },
    nowMs: number,
    opening: Promise<RecoverableFile>,
  ) {
    this.bucket = about.bucket
    this.targetPath = about.targetPath
    this.endMs = about.endMs
    this.openedMs = nowMs
    this.writtenMs = nowMs
    opening.then(
      (file) => {
        this.#file = file
        this.#busy = false
        this.#proceed()
      },
      (error: unknown) => {
        this.#failure = { error }
        this.#proceed()
      },
    )
  }

  /** Bytes in memory. */
  get bufferedBytes(): number {
    return this.#lines.bufferedBytes + this.#queuedBytes + (this.#file?.bufferedBytes ?? 0)
  }

  /** Copies the line. */
  add(line: Uint8Array, nowMs: number): void {
    this.#lines.add(line)
    this.lengthBytes += line.length + 1
    this.writtenMs = nowMs
  }

  /** Hands on what has been collected. */
  flush(): void {
    this.#lines.flush()
  }

  persist(): Promise<PersistedFile> {
    this.inSnapshot = true
    return this.#inOrder((file) => file.persist())
  }

  close(): Promise<PendingFile> {
    return this.#inOrder((file) => file.close())
  }

  /** Gives the part up. Fine when it never came to be. */
  async discard(): Promise<void> {
    await this.#inOrder((file) => file.discard()).catch((error: unknown) => {
      if (this.#file !== undefined) throw error
    })
  }

  /** Throws what failed in the background. */
  throwFailure(): void {
    if (this.#file !== undefined) this.#write(this.#file, NOTHING)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #inOrder<R>(call: (file: RecoverableFile) => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#lines.flush()
      this.#steps.push({ run: (file) => call(file).then(resolve, reject), reject })
      this.#proceed()
    })
  }

  #push(chunk: Uint8Array): void {
    this.#steps.push(chunk)
    this.#queuedBytes += chunk.length
    this.#proceed()
  }

  /** Takes steps as far as they may go: bytes also while a `persist` is under way, calls one after another. */
  #proceed(): void {
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      const file = this.#file
      if (file === undefined && this.#failure === undefined) return
      if (!(step instanceof Uint8Array) && this.#busy && file !== undefined) return
      this.#steps.shift()
      if (step instanceof Uint8Array) {
        this.#queuedBytes -= step.length
        if (file !== undefined) this.#write(file, step)
      } else if (file === undefined) step.reject(this.#failure?.error)
      else this.#call(file, step.run)
    }
  }

  #call(file: RecoverableFile, run: (file: RecoverableFile) => Promise<void>): void {
    this.#busy = true
    void run(file).then(() => {
      this.#busy = false
      this.#proceed()
    })
  }

  /** A failed file throws at every call, so the calls that follow report it too. */
  #write(file: RecoverableFile, bytes: Uint8Array): void {
    try {
      file.write(bytes)
    } catch (error) {
      this.#failure ??= { error }
    }
  }
}
