import { holdProcess } from '@millrace/engine/host'
import { asEngineError } from '@millrace/engine/spi'
import { EXIT } from '../exit-codes.ts'
import { toStandardError } from '../terminal.ts'
import { connectService, type ServiceConnection, type ServiceOptions } from './service-connection.ts'
import { serviceError } from './service-error.ts'

/** Tells a person how it goes; standard output is for the answer. */
export const progress = (text: string): void => toStandardError(`${text}\n`)

/** Prints a command's answer: as one line of JSON, or as a person reads it. */
export function answer(json: boolean, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : text === '' ? '' : `${text}\n`)
}

/** Rows with their columns below each other. */
export function table(rows: readonly (readonly (string | undefined)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly (string | undefined)[]) =>
    row.map((cell, column) => (cell ?? '').padEnd(column === row.length - 1 ? 0 : (widths[column] ?? 0))).join('  ')
  return rows.map(line).join('\n')
}

/**
 * Runs a command that speaks with a service; the exit code. With `--json` a failure is the answer
 * `{"error": {code, message, hint}}`; otherwise it is thrown, in words for a person.
 */
export async function withService(
  options: ServiceOptions,
  command: (connection: ServiceConnection) => Promise<void>,
): Promise<number> {
  let url = options.url ?? ''
  // Between two questions nothing else does.
  const hold = holdProcess()
  try {
    const connection = await connectService(options)
    url = connection.url
    try {
      await command(connection)
    } finally {
      connection.client.destroy()
    }
    return EXIT.ok
  } catch (thrown) {
    const error = serviceError(thrown, url)
    if (!options.json) throw error
    const { code, message, hint } = asEngineError(error)
    process.stdout.write(`${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`)
    return EXIT.failed
  } finally {
    hold.cancel()
  }
}
