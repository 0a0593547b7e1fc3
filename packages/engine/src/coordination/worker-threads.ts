import { Worker } from 'node:worker_threads'
import { EngineError } from '../common/errors.ts'
import { allocateDoorbells } from '../runtime/exchange/doorbell.ts'
import { allocateLinks, type LinkTable } from '../runtime/task/linked-threads.ts'
import type { FromThread } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import type { ThreadSettings } from '../runtime/task/task-thread.ts'
import type { ThreadLauncher } from './threads.ts'

export interface WorkerSettings extends Omit<ThreadSettings, 'thread'> {
  readonly graph: JobGraph
  /** A built module that loads the application, compiles it and calls `runWorker`. */
  readonly entry: URL
  /** Plain data handed to every worker: how to load the application. */
  readonly workerData: unknown
  /** Limits of each worker's heap, as in `node:worker_threads`. */
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number; readonly maxYoungGenerationSizeMb?: number }
}

/** What a worker finds in its `workerData`. */
export interface WorkerStart {
  readonly application: unknown
  readonly thread: ThreadSettings
  readonly links: LinkTable
  readonly doorbells: SharedArrayBuffer
}

/** Runs each thread of the job in a worker: true parallelism; a crash or an exhausted heap ends that worker only. */
export function workerThreads(settings: WorkerSettings): ThreadLauncher {
  const { graph, entry, workerData, threads, checkpointMode, autoWatermarkIntervalMs, resourceLimits } = settings
  return {
    threads,
    async launch(_attempt, events) {
      const links = allocateLinks(graph, threads)
      const doorbells = allocateDoorbells(threads)
      return Array.from({ length: threads }, (_, thread) => {
        const start: WorkerStart = {
          application: workerData,
          thread: { thread, threads, checkpointMode, autoWatermarkIntervalMs },
          links,
          doorbells,
        }
        const worker = new Worker(entry, { workerData: start, name: `${graph.name}-${thread}`, resourceLimits })
        const { onMessage, onExit } = events(thread)
        let gone = false
        const end = (error: unknown): void => {
          if (gone) return
          gone = true
          onExit(error)
        }
        worker.on('message', (message: FromThread) => onMessage(message))
        worker.on('error', (error) => end(workerDied(thread, error)))
        worker.on('exit', (code) => end(workerDied(thread, undefined, code)))
        return {
          post(message) {
            if (!gone) worker.postMessage(message)
          },
          async terminate() {
            gone = true
            await worker.terminate()
          },
        }
      })
    },
  }
}

function workerDied(thread: number, error: unknown, exitCode?: number): EngineError {
  const outOfMemory = (error as { code?: string } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
  return new EngineError(outOfMemory ? 'THREAD_OUT_OF_MEMORY' : 'THREAD_DIED', {
    kind: 'unavailable',
    message: outOfMemory
      ? `Thread ${thread} ran out of heap.`
      : `Thread ${thread} ended unexpectedly${exitCode === undefined ? '' : ` with exit code ${exitCode}`}${error instanceof Error ? `: ${error.message}` : '.'}`,
    hint: outOfMemory ? 'Give it a larger heap, more threads, or less state a thread.' : undefined,
    details: { thread, exitCode },
    cause: error,
  })
}
