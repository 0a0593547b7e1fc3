import type { Clock, Scheduler } from '../common/clock.ts'
import type { Random } from '../common/random.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { TaskThread, type ThreadLinks, type ThreadSettings } from '../runtime/task/task-thread.ts'
import { ThreadWaker } from '../runtime/task/thread-waker.ts'
import type { ThreadLauncher } from './threads.ts'

export interface InProcessSettings extends Omit<ThreadSettings, 'thread' | 'threads'> {
  readonly graph: JobGraph
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly fileSystems: FileSystems
}

const noLinks: ThreadLinks = { writer: () => undefined, reader: () => undefined, pump: () => false }

/** Runs all subtasks on the calling thread: same operators, checkpoints and messages as in workers. */
export function inProcessThread(settings: InProcessSettings): ThreadLauncher {
  const { graph, clock, scheduler, random, fileSystems, checkpointMode, autoWatermarkIntervalMs } = settings
  return {
    threads: 1,
    async launch(_attempt, events) {
      const { onMessage } = events(0)
      let gone = false
      // Messages arrive later and in order, as between threads: nobody is called from within a call of his own.
      const deliver = (action: () => void): void => scheduler.soon(() => gone || action())
      const thread = new TaskThread(
        graph,
        { thread: 0, threads: 1, checkpointMode, autoWatermarkIntervalMs },
        {
          clock,
          scheduler,
          random,
          fileSystems,
          waker: new ThreadWaker(),
          links: noLinks,
          post: (message) => deliver(() => onMessage(message)),
        },
      )
      return [
        {
          post: (message) => deliver(() => thread.handle(message)),
          async terminate() {
            gone = true
            await thread.close().catch(() => {
              // Reported by the close that was asked for; here only that it has ended counts.
            })
          },
        },
      ]
    },
  }
}
