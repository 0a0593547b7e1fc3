import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { millrace, startMillrace } from './millrace-command.ts'

const application = fileURLToPath(new URL('./applications/keyed-counts.ts', import.meta.url))
const COUNT = 12_000
const RATE = 4_000
const FAST = 1_000_000

/**
 * A savepoint of parallelism 2 goes on at 1 and at 3 with the output of a run nobody interrupted; all by the command:
 * `millrace savepoint`, `stop`, `run --from --parallelism`. A changed graph is refused by name.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rescale-'))
  try {
    const whole = await uninterrupted(folder)
    log(`uninterrupted: ${whole.numbers.length} numbers, ${whole.windows.length} windows`)
    let savepoint = ''
    for (const parallelism of [1, 3]) {
      savepoint = await stopAndGoOn(folder, parallelism, whole)
      log(`stopped at parallelism 2, went on at ${parallelism}: same output`)
    }
    await savepointAndGoOn(folder, whole)
    log('a savepoint of a running application leaves its output alone, and its copy goes on at 3 from just there')
    await changedGraph(folder, savepoint)
    log('a changed graph is refused, the message names the operator; with --allow-non-restored-state it runs')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rows of both outputs, sorted. */
interface Output {
  readonly numbers: readonly string[]
  readonly windows: readonly string[]
}

async function uninterrupted(folder: string): Promise<Output> {
  await millrace(runArguments({ dir: join(folder, 'whole'), output: join(folder, 'whole-out'), rate: FAST }), folder)
  const output = readOutput(join(folder, 'whole-out'))
  assert.equal(output.numbers.length, COUNT)
  return output
}

async function stopAndGoOn(folder: string, parallelism: number, whole: Output): Promise<string> {
  const dir = join(folder, `stop-${parallelism}`)
  const output = join(folder, `stop-${parallelism}-out`)
  const first = startMillrace(runArguments({ dir, output, rate: RATE, parallelism: 2 }), folder)
  await first.shows('id=4')
  const savepoint = (await millrace(['stop', dir], folder)).stdout.trim()
  assert.equal((await first.result).exitCode, 0)
  const soFar = readOutput(output).numbers.length
  assert.ok(soFar > 0 && soFar < COUNT, `stopped after ${soFar} of ${COUNT}`)
  await millrace(runArguments({ dir, output, rate: FAST, parallelism, from: savepoint }), folder)
  assert.deepEqual(readOutput(output), whole)
  return savepoint
}

async function savepointAndGoOn(folder: string, whole: Output): Promise<void> {
  const dir = join(folder, 'savepoint')
  const output = join(folder, 'savepoint-out')
  const path = join(folder, 'my-savepoint')
  const running = startMillrace(runArguments({ dir, output, rate: RATE, parallelism: 2 }), folder)
  await running.shows('id=4')
  assert.equal((await millrace(['savepoint', dir, path], folder)).stdout.trim(), path)
  assert.equal((await running.result).exitCode, 0)
  assert.deepEqual(readOutput(output), whole)
  const copy = join(folder, 'copy-out')
  await millrace(
    runArguments({ dir: join(folder, 'copy'), output: copy, rate: FAST, parallelism: 3, from: path }),
    folder,
  )
  assertTailOf(readOutput(copy).numbers, whole.numbers)
}

/** For each key the numbers from some point on to the last, none missing in between and none twice. */
function assertTailOf(rows: readonly string[], whole: readonly string[]): void {
  const last = highestByKey(whole)
  const numbers = new Map<string, number[]>()
  for (const { key, number } of rows.map(parseNumber)) numbers.set(key, [...(numbers.get(key) ?? []), number])
  assert.ok(rows.length > 0 && rows.length < whole.length, `${rows.length} of ${whole.length} rows after the savepoint`)
  for (const [key, list] of numbers) {
    list.sort((a, b) => a - b)
    const first = list[0] as number
    const expected = Array.from({ length: (last.get(key) as number) - first + 1 }, (_, i) => first + i)
    assert.deepEqual(list, expected, key)
  }
}

function highestByKey(rows: readonly string[]): Map<string, number> {
  const highest = new Map<string, number>()
  for (const { key, number } of rows.map(parseNumber)) highest.set(key, Math.max(highest.get(key) ?? 0, number))
  return highest
}

const parseNumber = (row: string): { key: string; number: number } => JSON.parse(row)

async function changedGraph(folder: string, savepoint: string): Promise<void> {
  const settings = { dir: join(folder, 'changed'), output: join(folder, 'changed-out'), rate: FAST, from: savepoint }
  const changed = [...runArguments(settings), 'uid']
  const { stderr } = await millrace(changed, folder, 1)
  assert.match(stderr, /SAVEPOINT_STATE_UNMAPPED/)
  assert.match(stderr, /operator 'numbers'/)
  assert.match(stderr, /--allow-non-restored-state/)
  const [command, ...rest] = changed
  await millrace([command as string, '--allow-non-restored-state', ...rest], folder)
}

interface RunSettings {
  readonly dir: string
  readonly output: string
  readonly rate: number
  readonly parallelism?: number
  readonly from?: string
}

function runArguments({ dir, output, rate, parallelism = 2, from }: RunSettings): string[] {
  const options = ['--dir', dir, '--parallelism', String(parallelism), '--log-level', 'debug']
  const restore = from === undefined ? [] : ['--from', from]
  return ['run', application, ...options, ...restore, '--', output, String(COUNT), String(rate)]
}

function readOutput(folder: string): Output {
  const rows = (name: string): string[] =>
    readdirSync(join(folder, name))
      .filter((file) => file.endsWith('.jsonl') && !file.startsWith('.'))
      .flatMap((file) => readFileSync(join(folder, name, file), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .sort()
  return { numbers: rows('numbers'), windows: rows('windows') }
}
