import type { Sink } from '../../spi/sink.ts'

/** Prints each record as a line, strings as they are and all else as JSON; with several subtasks behind its number (`2> `), as Flink does. */
export function printSink<T>(prefix = '', write: (text: string) => void = writeToStdout): Sink<T, never, never> {
  return {
    name: 'print',
    guarantee: 'at-least-once',
    createWriter({ subtaskIndex, parallelism }) {
      const number = parallelism > 1 ? `${subtaskIndex + 1}` : ''
      const label = [prefix, number].filter((part) => part !== '').join(':')
      const start = label === '' ? '' : `${label}> `
      return {
        async open() {},
        write(batch) {
          let text = ''
          for (let i = 0; i < batch.length; i++) text += `${start}${printed(batch.valueAt(i))}\n`
          write(text)
        },
        isWritable: () => true,
        async snapshot() {
          return { writerStates: [], committables: [] }
        },
        async close() {},
      }
    },
  }
}

function printed(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? String(value)
}

function writeToStdout(text: string): void {
  process.stdout.write(text)
}
