import { readdirSync, readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Memory of processes, as an operating system tells it. */
export interface ProcessMemory {
  /** A process and all it has started, by number; with a user all of this user's, too. */
  tree(pid: number, userId?: number): readonly number[]
  /** What a process has in memory, with all that it shares with others: cheap, and never less than `proportionalBytes`. */
  residentBytes(pid: number): number
  /**
   * The same with its part of what it shares: takes milliseconds. Where that isn't told, without the pages of files, most
   * of which it shares. 0 when it is gone; undefined when nothing can be told.
   */
  proportionalBytes(pid: number): Promise<number | undefined>
}

/** Memory of this machine's processes. Source: proc(5): `task/[tid]/children`, `status`, `smaps_rollup`. */
export const linuxProcessMemory: ProcessMemory = {
  tree(pid, userId) {
    const found = [pid]
    for (const parent of found) found.push(...childrenOf(parent))
    return userId === undefined ? found : [...new Set([...found, ...processesOf(userId)])]
  },
  residentBytes(pid) {
    return kilobytes(/^VmRSS:\s+(\d+) kB$/m, textOf(`/proc/${pid}/status`)) * 1024
  },
  async proportionalBytes(pid) {
    try {
      return kilobytes(/^Pss:\s+(\d+) kB$/m, await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')) * 1024
    } catch (error) {
      if (isGone(error)) return 0
      // A container's root isn't told of other users' processes.
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') return undefined
      const status = textOf(`/proc/${pid}/status`)
      return (kilobytes(/^RssAnon:\s+(\d+) kB$/m, status) + kilobytes(/^RssShmem:\s+(\d+) kB$/m, status)) * 1024
    }
  },
}

/** Bytes of each process of a tree: proportional, resident where that can't be told. */
export async function bytesOfTree(memory: ProcessMemory, pid: number, userId?: number): Promise<readonly number[]> {
  const bytes: number[] = []
  for (const process of memory.tree(pid, userId)) {
    bytes.push((await memory.proportionalBytes(process)) ?? memory.residentBytes(process))
  }
  return bytes
}

function kilobytes(line: RegExp, text: string): number {
  return Number(line.exec(text)?.[1] ?? 0)
}

/** Every thread of a process may have started some. */
function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((number) => number !== '')
      .map(Number),
  )
}

/** Folders of processes belong to their users. */
function processesOf(userId: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === userId)
    .map(Number)
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')
}
