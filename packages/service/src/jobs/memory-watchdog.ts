import { EngineError, type Scheduler } from '@millrace/engine/spi'
import { bytesOfTree, type ProcessMemory } from './process-memory.ts'

/** How often the memory of known processes is looked at: a job can be this much time over its limit. */
export const watchIntervalMs = 1_000

/** At every so many looks processes that a job has started since are looked for, which costs many times as much. */
export const looksPerWalk = 5

/** What a watched process may use. */
export interface MemoryLimit {
  readonly limitBytes: number
  readonly kpus: number
  /** Whose processes count, too, whoever has started them. */
  readonly userId?: number | undefined
}

type Cancellable = ReturnType<Scheduler['after']>

interface Watched extends MemoryLimit {
  readonly pid: number
  /** Its processes as they were found last. */
  processes: readonly number[]
  looksUntilWalk: number
  readonly exceeded: (error: EngineError) => void
}

/**
 * Watches how much memory processes use with all they have started: heaps, pages, code, everything. Resident memory, which
 * is cheap to read, is at least the proportional set size; only above the limit is the latter asked for.
 */
export class MemoryWatchdog {
  readonly #memory: ProcessMemory
  readonly #scheduler: Scheduler
  readonly #watched = new Set<Watched>()
  #timer: Cancellable | undefined

  constructor(memory: ProcessMemory, scheduler: Scheduler) {
    this.#memory = memory
    this.#scheduler = scheduler
  }

  /** Calls `exceeded` once with `MEMORY_LIMIT_EXCEEDED` (unavailable: the job may be started again); until it is cancelled. */
  watch(pid: number, limit: MemoryLimit, exceeded: (error: EngineError) => void): Cancellable {
    const watched: Watched = { pid, ...limit, exceeded, processes: [pid], looksUntilWalk: 0 }
    this.#watched.add(watched)
    this.#plan()
    return { cancel: () => void this.#watched.delete(watched) }
  }

  close(): void {
    this.#watched.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#watched.size === 0) return
    this.#timer = this.#scheduler.after(watchIntervalMs, async () => {
      for (const watched of [...this.#watched]) await this.#look(watched)
      this.#timer = undefined
      this.#plan()
    })
  }

  async #look(watched: Watched): Promise<void> {
    const { pid, userId, limitBytes, kpus, exceeded } = watched
    let resident = this.#resident(watched)
    // Near the limit every process counts, however young.
    if (watched.looksUntilWalk-- <= 0 || resident > limitBytes / 2) {
      const before = watched.processes
      watched.processes = this.#memory.tree(pid, userId)
      const isSame = watched.processes.length === before.length && watched.processes.every((p, i) => p === before[i])
      // One that starts processes, as at its own start, is looked at whole until it has come to rest.
      watched.looksUntilWalk = isSame ? looksPerWalk - 1 : 0
      resident = this.#resident(watched)
    }
    if (resident <= limitBytes) return
    const used = await bytesOfTree(this.#memory, pid, userId)
    if (sum(used) <= limitBytes || !this.#watched.delete(watched)) return
    exceeded(limitExceeded(sum(used), used.length, limitBytes, kpus))
  }

  #resident({ processes }: Watched): number {
    return sum(processes.map((process) => this.#memory.residentBytes(process)))
  }
}

function limitExceeded(usedBytes: number, processes: number, limitBytes: number, kpus: number): EngineError {
  const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
  return new EngineError('MEMORY_LIMIT_EXCEEDED', {
    kind: 'unavailable',
    message:
      `The job was killed: it used ${megabytes(usedBytes)} MiB of memory, and ${megabytes(limitBytes)} MiB is what ` +
      `${kpus} KPU${kpus === 1 ? '' : 's'} may use.`,
    hint: 'Raise Parallelism, or lower ParallelismPerKPU, for more KPUs; or let the application keep less state.',
    details: { usedBytes, limitBytes, kpus, processes },
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
