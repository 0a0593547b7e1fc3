import type { ApplicationConfiguration } from '../applications/application-record.ts'

/** Of the 4 GB of a KPU three are heap; the rest is for code, buffers and pages. */
const heapMbPerKpu = 3 * 1024

/** What a job may use. */
export interface JobResources {
  readonly kpus: number
  /** Worker threads. */
  readonly threads: number
  /** MiB, of each thread. */
  readonly threadHeapMb: number
  /** MiB, of the main thread, which holds no state. */
  readonly mainHeapMb: number
}

/** KPUs = ceil(parallelism / parallelismPerKPU), 4 GB each, shared among as many threads as there are cores to use. */
export function jobResources({ parallelism: given }: ApplicationConfiguration, cores: number): JobResources {
  const kpus = Math.ceil(given.parallelism / given.parallelismPerKpu)
  const threads = Math.max(1, Math.min(given.parallelism, cores))
  const heapMb = kpus * heapMbPerKpu
  return { kpus, threads, threadHeapMb: Math.floor(heapMb / threads), mainHeapMb: heapMb }
}
