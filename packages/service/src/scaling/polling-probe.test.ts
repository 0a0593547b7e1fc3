import { type Logger, type Split, silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SessionOwner } from '../access/execution-credentials.ts'
import type { AwsCredentialsProvider } from '../access/role-credentials.ts'
import { newApplication } from '../applications/lifecycle-world-fixture.ts'
import { PollingProbe } from './polling-probe.ts'
import type { ShardReader, ShardReaderSettings } from './shard-reader.ts'

const streamsUrl = 'http://streams:7700'
const here = 'arn:aws:kinesis:us-east-1:000000000000:stream/in'
const amazons = 'arn:aws:kinesis:eu-west-1:123456789012:stream/in'
const trimHorizon = { type: 'TRIM_HORIZON' }

const failure = (name: string, httpStatusCode = 400) =>
  Object.assign(new Error('said the service'), { name, $metadata: { httpStatusCode } })

/** Shards in memory: iterators are their positions and live five minutes. */
class FakeShards {
  readonly opened: ShardReaderSettings[] = []
  readonly closed: ShardReaderSettings[] = []
  readonly reads: { readonly atMs: number; readonly shardId: string }[] = []
  iterators = 0
  atATime = 0
  mostAtATime = 0
  readonly records = new Set<string>()
  readonly ended = new Set<string>()
  behind = 0
  latencyMs = 0
  fails: ((call: 'iterator' | 'read', shardId: string) => Error | undefined) | undefined
  readonly #time: VirtualTime

  constructor(time: VirtualTime) {
    this.#time = time
  }

  readonly open = (settings: ShardReaderSettings): ShardReader => {
    this.opened.push(settings)
    return {
      iterator: async ({ shardId }) => {
        this.iterators++
        await this.#call('iterator', shardId)
        return JSON.stringify([shardId, this.#time.now()])
      },
      read: async (_, iterator) => {
        const [shardId, issuedMs] = JSON.parse(iterator) as [string, number]
        this.reads.push({ atMs: this.#time.monotonicMs(), shardId })
        await this.#call('read', shardId)
        if (this.#time.now() - issuedMs > 300_000) throw failure('ExpiredIteratorException')
        const nextIterator = this.ended.has(shardId) ? undefined : JSON.stringify([shardId, this.#time.now()])
        return { hasRecord: this.records.has(shardId), nextIterator, millisBehindLatest: this.behind-- > 0 ? 1 : 0 }
      },
      close: () => void this.closed.push(settings),
    }
  }

  readsOf(shardId: string): number {
    return this.reads.filter((read) => read.shardId === shardId).length
  }

  async #call(call: 'iterator' | 'read', shardId: string): Promise<void> {
    this.mostAtATime = Math.max(this.mostAtATime, ++this.atATime)
    if (this.latencyMs > 0) await new Promise<void>((resolve) => this.#time.after(this.latencyMs, resolve))
    this.atATime--
    const error = this.fails?.(call, shardId)
    if (error !== undefined) throw error
  }
}

let time: VirtualTime
let shards: FakeShards
let told: string[]
let lines: string[]
let issued: { readonly role: string; readonly owner: SessionOwner }[]
let awsCredentials: AwsCredentialsProvider | undefined
let probe: PollingProbe

beforeEach(() => {
  time = new VirtualTime()
  shards = new FakeShards(time)
  told = []
  lines = []
  issued = []
  awsCredentials = undefined
  probe = newProbe(streamsUrl)
})

const logger: Logger = {
  ...silentLogger,
  warn: (message) => void lines.push(message),
  info: (message) => void lines.push(message),
}

function newProbe(url: string | undefined): PollingProbe {
  return new PollingProbe({
    account: { region: 'us-east-1', accountId: '000000000000' },
    streamsUrl: () => url,
    executionCredentials: {
      issue(role, _, owner) {
        issued.push({ role, owner })
        return { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' }
      },
    },
    roleCredentials: { of: () => awsCredentials },
    clock: time,
    scheduler: time,
    logger,
    openReader: shards.open,
  })
}

const split = (id: string, streamArn = here, more: object = {}): Split =>
  ({ id, streamArn, position: trimHorizon, finished: false, ...more }) as Split

const watch = (name: string, ...splits: Split[]) =>
  probe.watch(newApplication(name, 1), splits, {
    onData: () => void told.push(name),
    onRefused: (reason) => void told.push(`${name}: ${reason}`),
  })

test('what comes into any of the shards calls once, within 400 ms; then it is quiet', async () => {
  watch('a', split('s1'), split('s2'), split('s3', here, { finished: true }))
  await time.advance(60_000)
  expect(told).toEqual([])
  expect(shards.readsOf('s3')).toBe(0)
  shards.records.add('s2')
  await time.advance(420)
  expect(told).toEqual(['a'])
  const { length } = shards.reads
  await time.advance(60_000)
  expect([told, shards.reads.length, shards.closed.length]).toEqual([['a'], length, 1])
  expect(time.pendingTimers).toBe(0)
})

test('a shard is read every 400 ms, from where the last empty answer ended', async () => {
  watch('a', split('s1'))
  await time.advance(1_000_000)
  expect(shards.reads.length).toBe(2501)
  expect(shards.iterators).toBe(1)
})

test('while something lies behind an empty answer it is read sooner', async () => {
  shards.behind = 4
  watch('a', split('s1'))
  await time.advance(1000)
  expect(shards.reads.map(({ atMs }) => atMs)).toEqual([0, 250, 500, 750, 1000])
})

test('watching looks at nothing before it has answered; once cancelled it is quiet, and no timer is left', async () => {
  const cancelled = watch('a', split('s1'))!
  expect(shards.iterators).toBe(0)
  await time.advance(100)
  cancelled.cancel()
  shards.records.add('s1')
  await time.advance(10_000)
  expect([told, shards.reads.length, time.pendingTimers]).toEqual([[], 1, 0])
})

test('a cancellation while it is being read counts', async () => {
  shards.latencyMs = 100
  shards.records.add('s1')
  const cancelled = watch('a', split('s1'))!
  await time.advance(150)
  cancelled.cancel()
  await time.advance(10_000)
  expect(told).toEqual([])
})

test('the end of a closed shard wakes: the application has to see its children', async () => {
  watch('a', split('s1'))
  await time.advance(1000)
  shards.ended.add('s1')
  await time.advance(500)
  expect(told).toEqual(['a'])
})

describe('applications that watch the same shard', () => {
  test('take turns: it is read no more often', async () => {
    for (const name of ['a', 'b', 'c', 'd']) watch(name, split('s1'))
    await time.advance(60_000)
    expect(shards.readsOf('s1')).toBe(151)
  })

  test('wake all together', async () => {
    for (const name of ['a', 'b', 'c', 'd']) watch(name, split('s1'))
    await time.advance(60_000)
    shards.records.add('s1')
    await time.advance(600)
    expect(told.toSorted()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('one that goes leaves the others watched', async () => {
    const first = watch('a', split('s1'))!
    watch('b', split('s1'))
    await time.advance(1000)
    first.cancel()
    shards.records.add('s1')
    await time.advance(1000)
    expect(told).toEqual(['b'])
  })
})

test('many are spread: at most a hundred calls a second and sixteen at a time', async () => {
  shards.latencyMs = 400
  for (let i = 0; i < 20; i++) watch(`a${i}`, ...Array.from({ length: 10 }, (_, shard) => split(`s${i}-${shard}`)))
  await time.advance(60_000)
  expect(shards.mostAtATime).toBe(16)
  shards.latencyMs = 0
  await time.advance(5000)
  const before = shards.reads.length
  await time.advance(10_000)
  expect(shards.reads.length - before).toBeLessThanOrEqual(1000)
  // And none is forgotten.
  expect(new Set(shards.reads.slice(before).map(({ shardId }) => shardId)).size).toBe(200)
})

describe('failures', () => {
  test('an endpoint that is away is asked less often, told once, and again when it is back', async () => {
    watch('a', split('s1'), split('s2'))
    await time.advance(1000)
    shards.fails = () => new Error('connect ECONNREFUSED')
    const before = shards.reads.length
    await time.advance(600_000)
    expect(shards.reads.length - before).toBe(2 * 301)
    expect(told).toEqual([])
    shards.fails = undefined
    await time.advance(2000)
    expect(lines).toEqual([
      'sources of hibernating applications do not answer; they are asked again',
      'sources of hibernating applications answer again',
    ])
    shards.records.add('s1')
    await time.advance(500)
    expect(told).toEqual(['a'])
  })

  test.each([
    failure('ProvisionedThroughputExceededException'),
    failure('KMSThrottlingException'),
    failure('ExpiredTokenException'),
    failure('InternalFailure', 500),
    failure('TooMany', 429),
    Object.assign(failure('InvalidSignatureException', 403), {
      $metadata: { httpStatusCode: 403, clockSkewCorrected: true },
    }),
  ])('$name is asked again, with a pause', async (error) => {
    watch('a', split('s1'))
    await time.advance(100)
    shards.fails = () => error
    await time.advance(5000)
    expect(shards.reads.length).toBe(4)
    shards.fails = undefined
    shards.records.add('s1')
    await time.advance(5000)
    expect(told).toEqual(['a'])
  })

  test('an iterator that has expired is renewed from the position', async () => {
    watch('a', split('s1'))
    await time.advance(1000)
    shards.fails = () => failure('InternalFailure', 503)
    await time.advance(301_000)
    shards.fails = undefined
    await time.advance(10_000)
    shards.records.add('s1')
    await time.advance(500)
    expect([shards.iterators, told]).toEqual([2, ['a']])
  })

  test.each([
    failure('AccessDeniedException'),
    failure('ResourceNotFoundException'),
    failure('InvalidArgumentException'),
  ])('$name of the position is told', async (error) => {
    shards.fails = (call) => (call === 'iterator' ? error : undefined)
    watch('a', split('s1'), split('s2'))
    await time.advance(10_000)
    expect(told).toEqual([`a: ${error.name}: said the service`])
    expect([shards.closed.length, time.pendingTimers]).toEqual([1, 0])
  })

  test('rights to read that are taken away are told', async () => {
    watch('a', split('s1'))
    await time.advance(10_000)
    shards.fails = (call) => (call === 'read' ? failure('AccessDeniedException') : undefined)
    await time.advance(1000)
    expect(told).toEqual(['a: AccessDeniedException: said the service'])
  })
})

describe('rights', () => {
  test('streams of the account are where jobs find them, by the rights of the next process', async () => {
    watch('a', split('s1'))
    await time.advance(0)
    const { credentials, ...at } = shards.opened[0]!
    await credentials()
    expect(at).toEqual({ endpoint: streamsUrl, region: 'us-east-1' })
    const { serviceExecutionRole, epoch } = newApplication('a', 1)
    const owner = { applicationName: 'a', applicationCreatedMs: 1, epoch: epoch + 1 }
    expect(issued).toEqual([{ role: serviceExecutionRole, owner }])
  })

  test('others are at Amazon in their region, by the credentials of the role', async () => {
    awsCredentials = async () => ({ accessKeyId: 'id', secretAccessKey: 'secret' })
    watch('a', split('s1', amazons), split('s2', amazons), split('s1'))
    await time.advance(100)
    expect(shards.opened.map(({ endpoint, region }) => ({ endpoint, region }))).toEqual([
      { endpoint: undefined, region: 'eu-west-1' },
      { endpoint: streamsUrl, region: 'us-east-1' },
    ])
    expect(shards.opened[0]!.credentials).toBe(awsCredentials)
  })

  test('where jobs find their streams at Amazon, so are those of the account', () => {
    probe = newProbe(undefined)
    expect(watch('a', split('s1'))).toBeUndefined()
    awsCredentials = async () => ({ accessKeyId: 'id', secretAccessKey: 'secret' })
    expect(watch('a', split('s1'))).toBeDefined()
  })
})

test.each<[string, Split[]]>([
  ['at Amazon without credentials of the role', [split('s1'), split('s1', amazons)]],
  ['of another kind', [split('s1'), { id: 'file-1' }]],
  ['with a position of another kind', [split('s1', here, { position: { type: 'LATEST' } })]],
  ['that are all at their end', [split('s1', here, { finished: true })]],
  ['that are none', []],
])('splits %s are not watched', (_, splits) => {
  expect(watch('a', ...splits)).toBeUndefined()
  expect(time.pendingTimers).toBe(0)
})
