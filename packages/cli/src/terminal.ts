import {
  asEngineError,
  createLogger,
  type Logger,
  type LogLevel,
  type LogLine,
  systemClock,
} from '@millrace/engine/spi'

/** Where lines for a person go. */
export type Write = (text: string) => void

/** Standard error: standard output belongs to what the command answers and the application prints. */
export const toStandardError: Write = (text) => void process.stderr.write(text)

/** A log line as a person reads it: time, level, message, fields. */
export function formatLogLine({ level, message, fields }: LogLine, timestampMs: number): string {
  const time = new Date(timestampMs).toISOString().slice(11, 23)
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${formatField(value)}`)
  return `${time} ${level.padEnd(5)} ${message}${shown.join('')}\n`
}

function formatField(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return /[\s="]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text
}

/** A logger that writes for a person. */
export function terminalLogger(write: Write, level: () => LogLevel): Logger {
  return createLogger((line) => write(formatLogLine(line, systemClock.now())), level)
}

/** A failure as a person reads it: code, message, hint, where user code threw, and what caused it. */
export function formatError(error: unknown, { stack = false }: { stack?: boolean } = {}): string {
  const { code, message, hint, kind, cause, stack: trace } = asEngineError(error)
  const lines = [`${code}: ${message}`]
  if (hint !== undefined) lines.push(`  hint: ${hint}`)
  if (stack || kind === 'application' || kind === 'bug') lines.push(...framesOf(trace))
  if (cause instanceof Error && cause.message !== message) lines.push(`  caused by: ${causeOf(cause)}`)
  return `${lines.join('\n')}\n`
}

function causeOf(cause: Error): string {
  const code = (cause as { code?: unknown }).code
  return typeof code === 'string' ? `${code}: ${cause.message}` : String(cause)
}

/** The frames alone, without those inside Node: the message stands above already. */
function framesOf(trace: string | undefined): string[] {
  const frames = (trace ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('(node:'))
  return frames.slice(0, 12)
}
