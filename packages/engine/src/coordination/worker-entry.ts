import { parentPort, workerData } from 'node:worker_threads'
import { holdProcess, systemClock, systemScheduler } from '../common/clock.ts'
import { invariant } from '../common/errors.ts'
import { systemRandom } from '../common/random.ts'
import { watchThread } from '../common/thread-figures.ts'
import { Doorbell } from '../runtime/exchange/doorbell.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import { connectLinks } from '../runtime/task/linked-threads.ts'
import type { FromThread, ToThread } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import { TaskThread } from '../runtime/task/task-thread.ts'
import { ThreadWaker } from '../runtime/task/thread-waker.ts'
import type { WorkerStart } from './worker-threads.ts'

/** What the launcher handed to this worker for loading the application. Only in a worker. */
export function workerApplication(): unknown {
  return (workerData as WorkerStart).application
}

/** Runs this worker's thread of the job; called once, after the application was loaded and compiled. */
export function runWorker({
  graph,
  fileSystems,
}: {
  readonly graph: JobGraph
  readonly fileSystems: FileSystems
}): void {
  const port = parentPort
  invariant(port !== null, 'runWorker outside of a worker')
  const { thread, links, doorbells } = workerData as WorkerStart
  holdProcess()
  const taskThread = new TaskThread(graph, thread, {
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
    fileSystems,
    figures: watchThread(),
    waker: new ThreadWaker(new Doorbell(doorbells, thread.thread)),
    links: connectLinks(links, thread.thread, graph, thread.threads, (other) => new Doorbell(doorbells, other).ring()),
    post: (message: FromThread) => {
      if (message.kind === 'closed') void printed().then(() => port.postMessage(message))
      else port.postMessage(message)
    },
  })
  port.on('message', (message: ToThread) => taskThread.handle(message))
}

/** Once the main thread has what this one has printed: it takes that at its own pace, and the rest dies with the worker. */
async function printed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
  }
}
