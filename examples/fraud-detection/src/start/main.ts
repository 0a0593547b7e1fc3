import { existsSync, mkdtempSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FraudRun } from './fraud-run.ts'
import { MANAGED_NAME } from './managed-application.ts'
import { parseStartOptions, type StartOptions, usage } from './options.ts'
import type { ProducerFigures } from './producer-process.ts'
import { isGood, runResult } from './result.ts'
import { lockDirectory } from './run-lock.ts'

/*
 * `npm start`: the endpoint, the stream, a producer and the application, shown live. What it does is in `--help`.
 */

function readOptions(): StartOptions | undefined {
  try {
    const options = parseStartOptions(process.argv.slice(2))
    if (options === undefined) process.stdout.write(usage)
    return options
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    process.exitCode = 2
    return undefined
  }
}

function directoryOf({ dir, exit }: StartOptions): string {
  if (dir !== undefined) return resolve(dir)
  if (!exit) return resolve('.millrace/fraud')
  lockDirectory(resolve('.millrace/runs'))()
  return mkdtempSync(join(resolve('.millrace/runs'), 'fraud-'))
}

/** A directory goes on as it was begun: what was processed is known to the one or to the other alone. */
function managedIn(dir: string, { managed }: StartOptions): boolean {
  const was = existsSync(join(dir, 'apps', MANAGED_NAME))
    ? true
    : existsSync(join(dir, 'application'))
      ? false
      : managed
  if (was !== managed) say(`${dir} goes on ${was ? 'inside the service' : 'without the service'}, as it was begun`)
  return was
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const ms = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(1)

async function run(options: StartOptions): Promise<void> {
  const dir = directoryOf(options)
  const unlock = lockDirectory(dir)
  const managed = managedIn(dir, options)
  let lastCheckpoint = 'none yet'
  let before: { figures: ProducerFigures; atMs: number } | undefined
  const show = (figures: ProducerFigures): void => {
    const atMs = performance.now()
    const rate = before && ((figures.acknowledged - before.figures.acknowledged) * 1000) / (atMs - before.atMs)
    before = { figures, atMs }
    say(
      `${String(figures.acknowledged).padStart(8)} transactions  ${rate === undefined ? '   –' : rate.toFixed(0).padStart(5)}/s  ` +
        `alerts ${String(figures.alerts).padStart(5)}  latency p50 ${ms(figures.latencyMs.p50)} p99 ${ms(figures.latencyMs.p99)} ms  ` +
        `checkpoint ${lastCheckpoint}`,
    )
  }
  const fraud = new FraudRun(
    { ...options, dir, managed },
    {
      onProgress: show,
      onFirstAlert: () => say(`the first alert came ${(performance.now() / 1000).toFixed(1)} s after the start`),
      onCheckpoint: ({ id, durationMs }) => {
        lastCheckpoint = `${id} (${durationMs.toFixed(0)} ms)`
      },
      onNote: say,
    },
  )
  const interrupted = new Promise<'interrupted'>((onInterrupt) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => onInterrupt('interrupted'))
  })
  try {
    await Promise.race([fraud.start(), fraud.failure])
    say(`endpoint ${fraud.endpointName}, stream 'transactions', alerts by topic 'fraud-alerts'`)
    say(`everything lives in ${dir}; Ctrl-C stops with a savepoint, the next start goes on`)
    const ended = options.exit ? fraud.processed() : new Promise<never>(() => {})
    const outcome = await Promise.race([ended.then(() => 'processed' as const), interrupted, fraud.failure])
    if (outcome === 'processed') await report(fraud, options)
    else await stop(fraud)
  } finally {
    await fraud.close()
    unlock()
  }
}

async function report(fraud: FraudRun, options: StartOptions): Promise<void> {
  say('all processed; stopping with drain')
  await fraud.stopApplication(true)
  const producer = await fraud.finishProducer()
  say('comparing with the oracle')
  const result = runResult(fraud, producer, await fraud.oracle())
  process.exitCode = isGood(result) ? 0 : 1
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  else process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
}

async function stop(fraud: FraudRun): Promise<void> {
  say('stopping with a savepoint (Ctrl-C again: at once)')
  const again = new Promise<void>((resolveAgain) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolveAgain())
  })
  const orderly = async (): Promise<void> => {
    await fraud.stopProducing()
    await fraud.stopApplication(false)
    await fraud.finishProducer(2000)
    say('stopped; `npm start` goes on from here')
  }
  await Promise.race([orderly(), again])
}

const options = readOptions()
if (options !== undefined) {
  run(options).then(
    () => process.exit(),
    (error: Error) => {
      say(error.message)
      process.exit(1)
    },
  )
}
