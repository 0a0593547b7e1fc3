import type { FromThread, ToThread } from '../runtime/task/messages.ts'

/** The coordinator's hold of one running thread. */
export interface ThreadHandle {
  /** Delivered in order; dropped silently once the thread has ended. */
  post(message: ToThread): void
  /** Ends the thread at once, wherever it is. Resolves when it is gone. */
  terminate(): Promise<void>
}

export interface ThreadEvents {
  onMessage(message: FromThread): void
  /** The thread has ended without being asked to: `error` says why. */
  onExit(error: unknown): void
}

/** Starts the threads of an attempt: workers, the calling thread, or simulated ones. */
export interface ThreadLauncher {
  readonly threads: number
  /** Fresh threads with fresh channels between them; `events(i)` hears thread i. */
  launch(attempt: number, events: (thread: number) => ThreadEvents): Promise<readonly ThreadHandle[]>
}
