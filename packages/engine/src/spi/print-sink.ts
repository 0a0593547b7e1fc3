import { inspect } from 'node:util'
import type { Sink } from './sink.ts'

/** Where text goes: `process.stdout`, and anything that says when it has had enough, as Node's streams do. */
export interface TextOutput {
  /** False: wait for `drain`. */
  write(text: string): boolean
  once(event: 'drain', listener: () => void): unknown
}

/** Options of the `print` sink. */
export interface PrintOptions<T> {
  /** Stands before every line, to tell several print sinks apart. */
  readonly label?: string
  /** The text of a record; unless set strings as they are, anything else as Node's console shows it, on one line. */
  readonly format?: (value: T) => string
  /** Standard output unless set. */
  readonly output?: TextOutput
}

/**
 * Prints every record on a line of its own, as Flink does: `value`; with more than one subtask `2> value`, the number
 * being the subtask's from 1; with a label `label> value` and `label:2> value`. Records of a restored checkpoint's
 * replay are printed again.
 */
export function print<T>(options: PrintOptions<T> = {}): Sink<T, never, never> {
  const { label = '', format = show, output = process.stdout } = options
  return {
    name: label === '' ? 'print' : `print ${label}`,
    guarantee: 'at-least-once',
    createWriter({ subtaskIndex, parallelism }) {
      const origin = [label, parallelism > 1 ? String(subtaskIndex + 1) : ''].filter((text) => text !== '').join(':')
      const prefix = origin === '' ? '' : `${origin}> `
      let wake = () => {}
      let writable = true
      const drained = () => {
        writable = true
        wake()
      }
      return {
        async open(onWritable) {
          wake = onWritable
        },
        write(batch) {
          let lines = ''
          for (let i = 0; i < batch.length; i++) lines += `${prefix}${format(batch.valueAt(i))}\n`
          if (output.write(lines) || !writable) return
          writable = false
          output.once('drain', drained)
        },
        isWritable: () => writable,
        snapshot: async () => ({ writerStates: [], committables: [] }),
        close: async () => {},
      }
    },
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return value
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: null, maxArrayLength: null })
}
