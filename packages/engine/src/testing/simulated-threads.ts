import { EngineError } from '../common/errors.ts'
import type { Random } from '../common/random.ts'
import { seededRandom } from '../common/random.ts'
import type { ThreadEvents, ThreadHandle, ThreadLauncher } from '../coordination/threads.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import { allocateLinks, connectLinks } from '../runtime/task/linked-threads.ts'
import type { FromThread, ToThread } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { TaskThread, type ThreadLinks, type ThreadSettings } from '../runtime/task/task-thread.ts'
import { ThreadWaker } from '../runtime/task/thread-waker.ts'
import type { EventLoop, SimulatedTime } from './simulated-time.ts'

/** A simulated thread of one attempt. */
export interface SimulatedThreadId {
  readonly attempt: number
  readonly thread: number
}

/** Where a simulation looks in, or plants a fault. Every hook is optional; what it doesn't touch goes its way. */
export interface ThreadHooks {
  /** The thread's ends of its channels, as it will use them. */
  links?(links: ThreadLinks, id: SimulatedThreadId): ThreadLinks
  /** A message on its way to a thread; false: it is lost. */
  toThread?(message: ToThread, id: SimulatedThreadId): boolean
  /** A message on its way to the coordinator. `echo` hands one to the thread itself. */
  fromThread?(message: FromThread, id: SimulatedThreadId, echo: (message: ToThread) => void): void
}

export interface SimulatedThreadsSettings extends Omit<ThreadSettings, 'thread'> {
  readonly name: string
  readonly time: SimulatedTime
  /** The loop the coordinator runs on. */
  readonly coordinator: EventLoop
  /** Makes a thread's own graph, as each worker loads the application itself. */
  buildGraph(): JobGraph
  /** The outside world as that thread's loop sees it. */
  fileSystemsOf(loop: EventLoop): FileSystems
  readonly random: Random
  /** Greatest delay of a message between a thread and the coordinator, ms. */
  readonly maxDelayMs: number
  /** Memory of all links together: small, so that credit runs out. */
  readonly exchangeBytes: number
  readonly hooks?: ThreadHooks
}

interface RunningThread {
  readonly loop: EventLoop
  readonly events: ThreadEvents
}

/**
 * Runs an attempt's threads on simulated event loops: the same `TaskThread`, the same rings, messages copied as between
 * workers, in order in each direction and late by chance.
 */
export class SimulatedThreads implements ThreadLauncher {
  readonly threads: number
  readonly #settings: SimulatedThreadsSettings
  #running: RunningThread[] = []
  #launches = 0

  constructor(settings: SimulatedThreadsSettings) {
    this.#settings = settings
    this.threads = settings.threads
  }

  /** Threads that are alive. */
  get alive(): readonly number[] {
    return this.#running.flatMap(({ loop }, thread) => (loop.isDead ? [] : [thread]))
  }

  async launch(attempt: number, eventsOf: (thread: number) => ThreadEvents): Promise<readonly ThreadHandle[]> {
    const { time, name, threads, exchangeBytes, buildGraph } = this.#settings
    const launch = ++this.#launches
    const graphs = Array.from({ length: threads }, buildGraph)
    const table = allocateLinks(graphs[0] as JobGraph, threads, exchangeBytes)
    const loops = graphs.map((_, thread) => time.loop(`${name}.${launch}.${thread}`))
    const wakers = graphs.map(() => new ThreadWaker())
    this.#running = loops.map((loop, thread) => ({ loop, events: eventsOf(thread) }))
    return graphs.map((graph, thread) => {
      const links = connectLinks(table, thread, graph, threads, (other) => {
        loops[other]?.after(this.#delayMs(0.2), () => wakers[other]?.wake())
      })
      return this.#startThread(graph, { attempt, thread }, links, wakers[thread] as ThreadWaker)
    })
  }

  #startThread(graph: JobGraph, id: SimulatedThreadId, links: ThreadLinks, waker: ThreadWaker): ThreadHandle {
    const { threads, checkpointMode, autoWatermarkIntervalMs, coordinator, random, hooks } = this.#settings
    const { loop, events } = this.#running[id.thread] as RunningThread
    const toCoordinator = this.#direction(coordinator)
    const toThread = this.#direction(loop)
    const thread: TaskThread = new TaskThread(
      graph,
      { thread: id.thread, threads, checkpointMode, autoWatermarkIntervalMs },
      {
        clock: loop,
        scheduler: loop,
        random: seededRandom(random.int(0, 0x7fff_ffff)),
        fileSystems: this.#settings.fileSystemsOf(loop),
        waker,
        links: hooks?.links?.(links, id) ?? links,
        post: (message) => {
          const copy = structuredClone(message)
          hooks?.fromThread?.(copy, id, (echo) => loop.soon(() => thread.handle(echo)))
          toCoordinator(() => events.onMessage(copy))
        },
      },
    )
    return {
      post: (message) => {
        const copy = structuredClone(message)
        if (hooks?.toThread?.(copy, id) !== false) toThread(() => thread.handle(copy))
      },
      terminate: () => {
        loop.kill()
        return new Promise((resolve) => coordinator.after(this.#delayMs(), resolve))
      },
    }
  }

  /** One direction of a message channel: each message later than the one before it. */
  #direction(loop: EventLoop): (deliver: () => void) => void {
    let lastMs = 0
    return (deliver) => {
      const nowMs = this.#settings.time.nowMs
      lastMs = Math.max(lastMs, nowMs + this.#delayMs())
      loop.after(lastMs - nowMs, deliver)
    }
  }

  #delayMs(scale = 1): number {
    return this.#settings.random.next() * this.#settings.maxDelayMs * scale
  }

  /** A thread dies at once, as by SIGKILL or an exhausted heap; the coordinator hears of it a little later. */
  kill(thread: number): void {
    const running = this.#running[thread]
    if (running === undefined || running.loop.isDead) return
    running.loop.kill()
    const error = new EngineError('THREAD_DIED', { kind: 'unavailable', message: `Thread ${thread} was killed.` })
    this.#settings.coordinator.after(this.#delayMs(3), () => running.events.onExit(error))
  }

  /** All threads at once, and nobody hears of it: their process is gone. */
  killAll(): void {
    for (const { loop } of this.#running) loop.kill()
  }

  pauseAll(): void {
    for (const { loop } of this.#running) loop.pause()
  }

  resumeAll(): void {
    for (const { loop } of this.#running) loop.resume()
  }
}
