import { readFileSync } from 'node:fs'

/** Clock ticks a second of `/proc/PID/stat`: fixed at 100 in Linux's interface. */
const TICKS_PER_SECOND = 100

/** Processor time of all threads of a process so far; undefined when it is gone or there is no `/proc`. */
export function cpuSecondsOf(pid: number | undefined): number | undefined {
  const text = readProc(pid, 'stat')
  // The second field is the name in brackets, which may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Proportional set size of a process in MB (10^6 bytes): its own memory and its share of what it shares. Undefined as above. */
export function pssMbOf(pid: number | undefined): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1]
  return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6
}

/** How long ago a process began, ms, to some 20 ms; undefined as above. */
export function ageMsOf(pid: number | undefined): number | undefined {
  const text = readProc(pid, 'stat')
  if (text === undefined) return undefined
  const startedTicks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  return (uptimeSeconds - startedTicks / TICKS_PER_SECOND) * 1000
}

function readProc(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined) return undefined
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
