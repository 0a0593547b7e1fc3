import type { ApplicationConfiguration } from '../applications/application-record.ts'
import { kpusOf } from '../applications/kpus.ts'

/** Memory of a KPU, MiB. */
export const defaultKpuMemoryMb = 4 * 1024
/** Of a KPU's memory three quarters are heap; the rest is for code, buffers and pages. */
const heapShare = 3 / 4

/** What a job may use. */
export interface JobResources {
  readonly kpus: number
  /** Worker threads. */
  readonly threads: number
  /** MiB, of each thread. */
  readonly threadHeapMb: number
  /** MiB, of the main thread, which holds no state. */
  readonly mainHeapMb: number
  /** MiB, all there may be: heaps, pages, code. */
  readonly memoryMb: number
}

/** Its KPUs, 4 GB each, shared among as many threads as there are cores to use. */
export function jobResources(
  { parallelism: given }: ApplicationConfiguration,
  cores: number,
  kpuMemoryMb = defaultKpuMemoryMb,
): JobResources {
  const kpus = kpusOf(given)
  const threads = Math.max(1, Math.min(given.parallelism, cores))
  const memoryMb = kpus * kpuMemoryMb
  const heapMb = Math.floor(memoryMb * heapShare)
  return { kpus, threads, threadHeapMb: Math.floor(heapMb / threads), mainHeapMb: heapMb, memoryMb }
}
