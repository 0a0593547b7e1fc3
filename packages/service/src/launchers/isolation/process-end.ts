import { constants } from 'node:os'

/** Signals by which a program dies of itself; others are the command's own exit codes (130: Ctrl-C, 143: SIGTERM). */
const DEADLY = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGSEGV', 'SIGSYS'] as const

/** How an isolated program ended: a shell waits for it, which tells a signal as an exit code. */
export function endOf(
  code: number | null,
  signal: NodeJS.Signals | null,
): { code: number | null; signal: NodeJS.Signals | null } {
  const told = DEADLY.find((name) => code === 128 + constants.signals[name])
  return told === undefined ? { code, signal } : { code: null, signal: told }
}
