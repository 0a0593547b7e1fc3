import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMainThread, workerData } from 'node:worker_threads'
import { defineApplication } from '@millrace/engine'
import application from '../../examples/fraud-detection/src/application.ts'

/*
 * The fraud application in a process whose threads do as a file says: `chaos-thread-N` beside the outputs, holding
 * `exit`, `throw` or `heap`. It is removed first, so that the next attempt lives.
 */
function obey(file: string): void {
  if (!existsSync(file)) return
  const order = readFileSync(file, 'utf8')
  rmSync(file, { force: true })
  if (order === 'exit') process.exit(1)
  if (order === 'throw') throw new Error('thrown by the chaos runner')
  if (order === 'heap') {
    const hoard: unknown[] = []
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
  }
}

export default defineApplication({
  name: application.name,
  build(env, context) {
    application.build(env, context)
    env.setRestartStrategy({ kind: 'fixed-delay', attempts: Number.POSITIVE_INFINITY, delayMs: 100 })
    const output = context.properties['fraud']?.['output']
    if (isMainThread || output === undefined) return
    const { thread } = (workerData as { thread: { thread: number } }).thread
    const file = join(dirname(output), `chaos-thread-${thread}`)
    setInterval(() => obey(file), 20).unref()
  },
})
