/** `Atomics.waitAsync`: in Node since 16, in TypeScript's library only from ES2024 on. */
interface WaitingAtomics {
  waitAsync(
    words: Int32Array<SharedArrayBuffer>,
    index: number,
    value: number,
    timeoutMs?: number,
  ): { readonly async: false; readonly value: string } | { readonly async: true; readonly value: Promise<string> }
}

/** Bytes between the words of two bells: a cache line, so that ringing one doesn't disturb the others. */
const bellBytes = 64

/** Memory for one bell a thread, to be handed to all of them. */
export function allocateDoorbells(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bellBytes * threads)
}

/**
 * How threads wake a thread that has nothing to do: a counter in shared memory. The thread samples it, looks for work,
 * and waits only if it found none and the counter still is what it was, so that no ring is missed.
 */
export class Doorbell {
  readonly #words: Int32Array<SharedArrayBuffer>

  /** The bell of thread `index`; any thread may ring it, that thread waits on it. */
  constructor(buffer: SharedArrayBuffer, index: number) {
    this.#words = new Int32Array(buffer, bellBytes * index, 1)
  }

  ring(): void {
    Atomics.add(this.#words, 0, 1)
    Atomics.notify(this.#words, 0)
  }

  /** The counter, to be handed to `wait`. */
  sample(): number {
    return Atomics.load(this.#words, 0)
  }

  /**
   * Resolves when the bell was rung after `sample` answered `seen`, or when the time is over. Blocks nothing, and keeps
   * no process alive: whoever waits holds it (`holdProcess`). A promise that nobody awaits any more stays pending until
   * the next ring, so a thread should wait on its bell alone, and ring it itself for reasons of its own.
   */
  async wait(seen: number, timeoutMs: number): Promise<void> {
    const waiting = (Atomics as unknown as WaitingAtomics).waitAsync(this.#words, 0, seen, Math.max(timeoutMs, 0))
    if (waiting.async) await waiting.value
  }
}
