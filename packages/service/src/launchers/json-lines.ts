import { EngineError } from '@millrace/engine/spi'

/** Longer lines than this are not ours: an exception with its causes is a few kilobytes. */
const MAX_LINE_CHARACTERS = 16 << 20

/** One message as a line. JSON leaves no line break inside. */
export function encodeLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`
}

/**
 * Puts lines together from the pieces a socket delivers and parses each.
 * Errors (invalid): `LINE_MALFORMED`, `LINE_TOO_LONG`; after the latter nothing more can be read.
 */
export class JsonLineDecoder {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** The messages that are complete by now; a line that isn't an object goes to `refuse`. */
  push(bytes: Uint8Array, refuse: (error: EngineError) => void): Record<string, unknown>[] {
    const text = this.#decoder.decode(bytes, { stream: true })
    // A long line in many pieces is put together once, not with each of them.
    const lines = text.includes('\n') ? (this.#rest + text).split('\n') : [this.#rest + text]
    this.#rest = lines.pop() as string
    if (this.#rest.length > MAX_LINE_CHARACTERS) {
      throw new EngineError('LINE_TOO_LONG', {
        kind: 'invalid',
        message: `A line of more than ${MAX_LINE_CHARACTERS} characters came in.`,
        hint: 'Send one JSON object a line.',
      })
    }
    const messages: Record<string, unknown>[] = []
    for (const line of lines) {
      if (line.trim() === '') continue
      const message = parse(line)
      if (message === undefined) refuse(malformed(line))
      else messages.push(message)
    }
    return messages
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function malformed(line: string): EngineError {
  return new EngineError('LINE_MALFORMED', {
    kind: 'invalid',
    message: `A line isn't a JSON object: ${line.slice(0, 80)}${line.length > 80 ? '…' : ''}`,
    hint: 'Send one JSON object a line.',
  })
}
