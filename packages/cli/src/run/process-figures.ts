import { readdirSync } from 'node:fs'
import { systemClock, systemScheduler, watchThread } from '@millrace/engine/host'
import { LoopLag } from '@millrace/engine/spi'
import type { ProcessFigures } from '@millrace/service/launchers'

/** Begins to watch this process, from its main thread; the answer reads its figures. */
export function watchProcess(): () => ProcessFigures {
  const main = watchThread()
  const lag = new LoopLag(systemClock, systemScheduler)
  return () => {
    const { user, system } = process.cpuUsage()
    return {
      cpuTimeMs: (user + system) / 1000,
      residentBytes: process.memoryUsage.rss(),
      threadCount: threadCount(),
      eventLoopLagMs: lag.worstMs,
      main: main(),
    }
  }
}

/** Where the system tells it: on Linux. */
function threadCount(): number | null {
  try {
    return readdirSync('/proc/self/task').length
  } catch {
    return null
  }
}
