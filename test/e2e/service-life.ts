import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { followOperation } from '../../packages/cli/src/service/follow-operation.ts'
import { connectService } from '../../packages/cli/src/service/service-connection.ts'
import { millrace, type RunningCommand, startMillrace } from './millrace-command.ts'

const counting = fileURLToPath(new URL('../../packages/cli/src/testing/applications/counting.ts', import.meta.url))
const gettingStarted = fileURLToPath(new URL('../../docs/getting-started.md', import.meta.url))
const NAME = 'counting'
const LIMIT_MS = 20_000
/** Ticks a second: what is printed in all is less than one answer of the log holds. */
const RATE = 50
/** Three checkpoints. */
const FIRST_TICKS = 4 * RATE

/**
 * The life of an application at a service of one node, by the command alone: deployed, listed, described, its log read,
 * updated, stopped, started, deleted; the node killed and terminated under it. Then docs/getting-started.md, command by
 * command.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-service-'))
  const node = new Node(folder)
  const urlBefore = process.env['MILLRACE_URL']
  try {
    await node.start()
    await deployed(folder)
    log('deployed, listed, described; its log is read')
    await killed(folder, node)
    log('the node was killed: the application went on by itself from its checkpoint')
    await terminated(folder, node)
    log('the node was terminated and started again: not a tick missing, none twice')
    await stoppedAndStarted(folder)
    log('stopped with a snapshot and started from it')
    await updated(folder)
    log('updated while it ran: it went on with its state')
    await drained(folder)
    log('stopped with its event time ended: its timers fired')
    await enhanced(folder)
    log('with enhanced snapshots: taken, listed, started from, deleted')
    await refused(folder)
    log('what fails is told with its cause; deleted')
    await node.terminate()
    await followGettingStarted(folder, log)
  } finally {
    node.kill()
    if (urlBefore === undefined) delete process.env['MILLRACE_URL']
    else process.env['MILLRACE_URL'] = urlBefore
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** `millrace serve` in a folder, on a free port that the commands find by MILLRACE_URL. */
class Node {
  readonly #folder: string
  #command: RunningCommand | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(): Promise<void> {
    const command = startMillrace(['serve', '--port', '0'], this.#folder)
    this.#command = command
    await command.shows('millrace ready')
    process.env['MILLRACE_URL'] = /millrace ready (\S+)/.exec(command.output())?.[1] as string
  }

  async terminate(): Promise<void> {
    this.#command?.process.kill('SIGTERM')
    const result = await this.#command?.result
    assert.equal(result?.exitCode, 0, result?.stderr)
    this.#command = undefined
  }

  async die(): Promise<void> {
    this.#command?.process.kill('SIGKILL')
    await this.#command?.result
  }

  kill(): void {
    this.#command?.process.kill('SIGKILL')
  }
}

async function deployed(folder: string): Promise<void> {
  assert.deepEqual(await json(folder, ['apps']), { applications: [] })
  const answer = await deploy(folder, { prefix: 'one ' })
  assert.equal(answer['status'], 'RUNNING')
  assert.equal(answer['version'], 1)
  const { applications } = await json(folder, ['apps', 'list'])
  assert.deepEqual(
    (applications as Answer[]).map(({ name, status }) => [name, status]),
    [[NAME, 'RUNNING']],
  )
  const described = JSON.stringify(await json(folder, ['apps', 'describe', NAME]))
  assert.match(described, /"CheckpointInterval":1000/)
  assert.match(described, /"prefix":"one "/)
  assert.match((await millrace(['apps', 'describe', NAME], folder)).stdout, /^status +RUNNING$/m)
  // Long enough for checkpoints.
  await waitFor(async () => ((await runs(folder))[0]?.length ?? 0) > FIRST_TICKS, 'the first ticks')
  assert.match((await millrace(['logs', NAME, '--tail', '1'], folder)).stdout, /INFO {2}stdout: one \d+:\d+\n/)
  const again = await deploy(folder, { prefix: 'one ' })
  assert.equal(again['version'], 1, 'what has not changed is not updated')
}

async function killed(folder: string, node: Node): Promise<void> {
  await node.die()
  await node.start()
  await anotherRun(folder, 2)
  assert.equal(await status(folder), 'RUNNING')
  const [before, after] = (await runs(folder)) as [number[], number[]]
  const last = before.at(-1) as number
  const first = after[0] as number
  assert.ok(first > RATE, `it began again at tick ${first}, not at a checkpoint`)
  assert.ok(first <= last + 1, `ticks between ${last} and ${first} are missing`)
  assert.ok((after.at(-1) as number) > last, `it went on to ${after.at(-1)} only`)
}

async function terminated(folder: string, node: Node): Promise<void> {
  await node.terminate()
  await node.start()
  await anotherRun(folder, 3)
  assertContiguous((await runs(folder)).slice(1).flat())
}

async function stoppedAndStarted(folder: string): Promise<void> {
  assert.equal((await json(folder, ['apps', 'stop', NAME]))['status'], 'READY')
  const atStop = await runs(folder)
  await sleep(300)
  assert.deepEqual(await runs(folder), atStop, 'a stopped application prints nothing')
  assert.equal((await json(folder, ['apps', 'start', NAME]))['status'], 'RUNNING')
  await anotherRun(folder, 4)
  assertContiguous((await runs(folder)).slice(1).flat())
}

async function updated(folder: string): Promise<void> {
  const answer = await deploy(folder, { prefix: 'two ' })
  assert.equal(answer['status'], 'RUNNING')
  assert.equal(answer['version'], 2)
  await anotherRun(folder, 5)
  assertContiguous((await runs(folder)).slice(1).flat())
  assert.match((await millrace(['logs', NAME, '--tail', '1'], folder)).stdout, /stdout: two /)
  const found = ['logs', NAME, '--search', 'two ', '--field', 'logger:stdout', '--level', 'info', '--since', '10m']
  assert.match((await millrace([...found, '--tail', '2'], folder)).stdout, /^(.* stdout: two \d+:\d+\n){2}$/)
  assert.equal((await millrace(['logs', NAME, '--search', "it's (not) here* + 1?"], folder)).stdout, '')
}

async function drained(folder: string): Promise<void> {
  await deploy(folder, { prefix: 'two ', farewell: 'event time has ended' })
  assert.equal((await json(folder, ['apps', 'stop', NAME, '--drain']))['status'], 'READY')
  const farewells = ['logs', NAME, '--search', 'event time has ended', '--field', 'logger:stdout']
  assert.match((await millrace(farewells, folder)).stdout, /^(.* stdout: event time has ended\n){2}$/)
  const again = await json(folder, ['apps', 'stop', NAME, '--drain'], 1)
  assert.equal((again['error'] as Answer)['code'], 'APPLICATION_NOT_RUNNING')
  assert.equal((await json(folder, ['apps', 'start', NAME]))['status'], 'RUNNING')
}

async function enhanced(folder: string): Promise<void> {
  await takeEnhancedSnapshots(folder)
  const { version, ...taken } = await json(folder, ['snapshots', 'create', NAME, 'kept'])
  assert.deepEqual([taken['status'], version], ['READY', 4])
  const { snapshots } = await json(folder, ['snapshots', NAME])
  assert.deepEqual((snapshots as Answer[])[0], taken)
  assert.deepEqual(await json(folder, ['snapshots']), { snapshots })
  const described = await json(folder, ['snapshots', 'describe', 'kept'])
  assert.deepEqual(described, await json(folder, ['snapshots', 'describe', NAME, 'kept']))
  assert.equal(described['SnapshotArn'], taken['arn'])
  const { operations } = await json(folder, ['snapshots', 'operations', 'kept'])
  assert.deepEqual(
    (operations as Answer[]).map(({ operation, status }) => [operation, status]),
    [['CreateSnapshot', 'SUCCESSFUL']],
  )
  await json(folder, ['apps', 'stop', NAME])
  const missing = await json(folder, ['apps', 'start', NAME, '--snapshot', 'lost'], 1)
  assert.equal((missing['error'] as Answer)['code'], 'ResourceNotFoundException')
  assert.equal((await json(folder, ['apps', 'start', NAME, '--snapshot', 'kept']))['status'], 'RUNNING')
  const deleted = () => millrace(['snapshots', 'delete', NAME, 'kept'], folder)
  await waitFor(
    () =>
      deleted().then(
        () => true,
        () => false,
      ),
    'the first checkpoint, before which the snapshot is needed',
  )
  const left = (await json(folder, ['snapshots', NAME]))['snapshots'] as Answer[]
  assert.ok(left.length > 0 && left.every(({ name }) => String(name).startsWith('SYSTEMSNAPSHOT')))
}

/** The AWS SDK's present release doesn't know of them. */
async function takeEnhancedSnapshots(folder: string): Promise<void> {
  process.env['MILLRACE_HOME'] = join(folder, '.millrace')
  const connection = await connectService({})
  delete process.env['MILLRACE_HOME']
  const ApplicationSnapshotConfigurationUpdate = {
    SnapshotsEnabledUpdate: true,
    SnapshotModeUpdate: 'ENHANCED_SNAPSHOTS',
  }
  const { OperationId } = await connection.call('UpdateApplication', {
    ApplicationName: NAME,
    CurrentApplicationVersionId: (await json(folder, ['apps', 'describe', NAME]))['ApplicationVersionId'],
    ApplicationConfigurationUpdate: { ApplicationSnapshotConfigurationUpdate },
  })
  await followOperation(connection, NAME, String(OperationId))
  connection.client.destroy()
}

async function refused(folder: string): Promise<void> {
  const failed = await deploy(folder, { broken: 'for the test' }, 1)
  const { code, message, hint } = failed['error'] as Answer
  assert.equal(code, 'OPERATION_FAILED')
  assert.match(String(message), /^UpdateApplication of counting failed: .*broken on purpose: for the test/)
  assert.match(String(hint), /millrace logs counting/)
  assert.equal(await status(folder), 'READY')
  assert.match((await millrace(['logs', NAME], folder)).stdout, /UpdateApplication failed/)
  assert.equal((await deploy(folder, { prefix: 'three ' }))['status'], 'RUNNING')
  const running = await json(folder, ['apps', 'delete', NAME], 1)
  assert.equal((running['error'] as Answer)['code'], 'APPLICATION_RUNNING')
  assert.deepEqual(await json(folder, ['apps', 'delete', NAME, '--force']), { name: NAME, deleted: true })
  assert.deepEqual(await json(folder, ['apps']), { applications: [] })
  const gone = await json(folder, ['logs', NAME], 1)
  assert.equal((gone['error'] as Answer)['code'], 'ResourceNotFoundException')
  const elsewhere = await json(folder, ['apps', '--url', 'http://127.0.0.1:9'], 1)
  assert.equal((elsewhere['error'] as Answer)['code'], 'SERVICE_UNREACHABLE')
}

type Answer = Readonly<Record<string, unknown>>

async function json(folder: string, words: readonly string[], expectedCode = 0): Promise<Answer> {
  const { stdout } = await millrace([...words, '--json'], folder, expectedCode)
  return JSON.parse(stdout) as Answer
}

function deploy(folder: string, properties: Readonly<Record<string, string>>, expectedCode = 0): Promise<Answer> {
  const file = join(folder, 'properties.json')
  writeFileSync(
    file,
    JSON.stringify([{ PropertyGroupId: 'counting', PropertyMap: { rate: String(RATE), ...properties } }]),
  )
  const options = ['--name', NAME, '--properties', file, '--checkpoint-interval', '1000']
  return json(folder, ['deploy', counting, ...options], expectedCode)
}

async function status(folder: string): Promise<unknown> {
  return (await json(folder, ['apps', 'describe', NAME]))['ApplicationStatus']
}

/**
 * Ticks in the order they were printed, by process. Each has the count that its key must have: state was neither lost
 * nor doubled.
 */
async function runs(folder: string): Promise<number[][]> {
  const { stdout } = await millrace(['logs', NAME, '--tail', '10000', '--json'], folder)
  const ticks: number[][] = []
  for (const line of stdout.split('\n').filter((text) => text !== '')) {
    const { logger, message } = JSON.parse(line) as { logger: string; message: string }
    if (logger === 'job' && message === 'job created') ticks.push([])
    if (logger !== 'stdout') continue
    const [tick, count] = (message.split(' ')[1] as string).split(':').map(Number) as [number, number]
    assert.equal(count, Math.floor(tick / 2) + 1, `the count at tick ${tick}`)
    ticks.at(-1)?.push(tick)
  }
  return ticks
}

/** Waits until process number `count` has printed ticks for a second. */
async function anotherRun(folder: string, count: number): Promise<void> {
  await waitFor(async () => ((await runs(folder))[count - 1]?.length ?? 0) > RATE, `ticks of process ${count}`)
}

function assertContiguous(ticks: readonly number[]): void {
  ticks.forEach((tick, index) => {
    if (index > 0) assert.equal(tick, (ticks[index - 1] as number) + 1)
  })
}

async function waitFor(condition: () => Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(100)
  }
}

/** Runs every `npx millrace` command of the guide in its order, with the files it shows, as its reader would. */
async function followGettingStarted(parent: string, log: (line: string) => void): Promise<void> {
  const guide = readFileSync(gettingStarted, 'utf8')
  let folder = parent
  let commands = 0
  let node: Node | undefined
  try {
    for (const [, language, block = ''] of guide.matchAll(/```(\w+)\n([\s\S]*?)```/g)) {
      const file = /^\/\/ (\S+\.ts)\n/.exec(block)?.[1]
      if (language === 'ts' && file !== undefined) writeFileSync(join(folder, file), block)
      if (language !== 'sh') continue
      for (const line of block.split('\n')) {
        const words = line.replace(/ +#.*$/, '').split(' ')
        if (words[0] === 'cd') folder = join(folder, words[1] as string)
        if (words[0] !== 'npx' || words[1] !== 'millrace') continue
        commands++
        if (words[2] === 'serve') {
          await node?.terminate()
          node = new Node(folder)
          await node.start()
        } else if (words.includes('--follow')) await followLog(folder, words.slice(2))
        else await millrace(words.slice(2), folder)
      }
    }
    await node?.terminate()
  } finally {
    node?.kill()
  }
  assert.ok(commands >= 10, `${commands} commands`)
  log(`docs/getting-started.md: ${commands} commands did what it says`)
}

async function followLog(folder: string, words: readonly string[]): Promise<void> {
  const following = startMillrace(words, folder)
  await following.shows('stdout:')
  following.process.kill('SIGINT')
  await following.result
}
