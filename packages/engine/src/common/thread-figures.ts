import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** One thread of a process, main or worker: its heap, its garbage collections, its event loop. */
export interface ThreadFigures {
  readonly heapUsedBytes: number
  /** What the heap may grow to. */
  readonly heapLimitBytes: number
  /** Outside the heap, kept alive by objects in it; array buffers are among it. */
  readonly externalBytes: number
  /** Collections of any kind, and the ms they took, since the thread began. */
  readonly gcCount: number
  readonly gcTimeMs: number
  /** Of these the ones of the old generation. */
  readonly oldGcCount: number
  readonly oldGcTimeMs: number
  /** Share of the time since the last question in which the event loop was not waiting, 0 to 1. */
  readonly eventLoopUtilization: number
}

/** Begins to watch the calling thread; the answer reads its figures. Costs nothing between collections. */
export function watchThread(): () => ThreadFigures {
  let gcCount = 0
  let gcTimeMs = 0
  let oldGcCount = 0
  let oldGcTimeMs = 0
  const observer = new PerformanceObserver((list) => {
    // Its types leave out what kind of collection it was.
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & { detail?: { kind?: number } })[]) {
      gcCount++
      gcTimeMs += duration
      // Scavenges (1) and weak callbacks (16) don't touch the old generation.
      const kind = detail?.kind
      if (kind === 1 || kind === 16) continue
      oldGcCount++
      oldGcTimeMs += duration
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  let loop = performance.eventLoopUtilization()
  return () => {
    const heap = getHeapStatistics()
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, loop)
    loop = now
    return {
      heapUsedBytes: heap.used_heap_size,
      heapLimitBytes: heap.heap_size_limit,
      externalBytes: heap.external_memory,
      gcCount,
      gcTimeMs,
      oldGcCount,
      oldGcTimeMs,
      eventLoopUtilization: Number.isFinite(utilization) ? utilization : 0,
    }
  }
}
