import { seededRandom } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { type GeneratedRecord, generate } from '../generator.ts'
import { judge } from '../judge.ts'
import { decodeTransaction, MalformedTransaction } from '../transaction.ts'
import { type Acknowledgement, PutPipeline, type PutResult } from './put-pipeline.ts'

/** A stream that throttles entries, loses answers after it took the records, and refuses whole requests, by a seeded draw. */
class RoughStream {
  readonly log: GeneratedRecord[] = []
  most = 0
  readonly #time: VirtualTime
  readonly #random
  readonly #roughness: number

  constructor(time: VirtualTime, seed: number, roughness: number) {
    this.#time = time
    this.#random = seededRandom(seed)
    this.#roughness = roughness
  }

  readonly put = async (records: readonly GeneratedRecord[]): Promise<readonly PutResult[]> => {
    this.most = Math.max(this.most, records.length)
    await this.#pass(this.#random.int(0, 5))
    if (this.#random.next() < 0.2 * this.#roughness) throw new Error('connection refused')
    const results = records.map((record): PutResult => {
      if (this.#random.next() < this.#roughness) return { errorCode: 'ProvisionedThroughputExceededException' }
      this.log.push(record)
      return { shard: 'shard-0', sequenceNumber: String(this.log.length) }
    })
    await this.#pass(this.#random.int(0, 20))
    if (this.#random.next() < 0.2 * this.#roughness) throw new Error('connection reset')
    return results
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#time.after(ms, resolve))
  }
}

function start(records: Iterable<GeneratedRecord>, roughness: number, rate: number, seed = 1) {
  const time = new VirtualTime()
  const stream = new RoughStream(time, seed, roughness)
  const acknowledged: Acknowledgement[] = []
  const pipeline = new PutPipeline(
    {
      records: records[Symbol.iterator](),
      put: stream.put,
      isFatal: () => false,
      onAcknowledged: (acknowledgement) => acknowledged.push(acknowledgement),
      clock: time,
      scheduler: time,
      random: seededRandom(seed),
    },
    rate,
  )
  const state = { done: false }
  void pipeline.run().then(() => {
    state.done = true
  })
  return { time, stream, pipeline, acknowledged, state }
}

test('puts at the rate, in requests of some milliseconds each', async () => {
  const { time, stream, pipeline, state } = start(generate({ seed: 1, transactions: 5000 }), 0, 1000)
  await time.advance(2000)
  expect(Math.abs(pipeline.sent - 2000)).toBeLessThan(50)
  await time.advanceUntil(() => state.done, 10_000)
  expect(stream.log.length).toBe(5000)
  expect(pipeline).toMatchObject({ sent: 5000, acknowledged: 5000, throttled: 0, repeated: 0 })
  expect(stream.most).toBeLessThan(50)
})

test.each([1, 2, 3, 4, 5, 6])(
  'every record gets acknowledged, every planted fraud stays one, seed %i',
  async (seed) => {
    const records = [...generate({ seed, transactions: 4000 })]
    const { time, stream, pipeline, acknowledged, state } = start(records, 0.1, 2000, seed)
    await time.advanceUntil(() => state.done, 120_000)
    expect(acknowledged.map(({ record }) => record.index).sort((a, b) => a - b)).toEqual(
      records.map(({ index }) => index),
    )
    expect(pipeline.throttled).toBeGreaterThan(100)
    expect(pipeline.repeated).toBeGreaterThan(10)
    expect(stream.log.length).toBeGreaterThan(4000)

    // The order of the log, not of the generator, is what the application judges.
    const flagged = new Map<number, readonly string[]>()
    const cards = new Map()
    let [highest, behind] = [0, 0]
    for (const { index, data } of stream.log) {
      try {
        const transaction = decodeTransaction(Buffer.from(data))
        const { verdict, card } = judge(cards.get(transaction.card), transaction)
        cards.set(transaction.card, card)
        if (verdict.kind === 'flagged') flagged.set(index, [...(flagged.get(index) ?? []), ...verdict.rules])
        highest = Math.max(highest, transaction.timestampMs)
        behind = Math.max(behind, highest - transaction.timestampMs)
      } catch (error) {
        if (!(error instanceof MalformedTransaction)) throw error
      }
    }
    for (const { index, plants } of records) if (plants) expect(flagged.get(index)).toContain(plants)
    expect(behind).toBeLessThan(10_000)
  },
)

test('after a stop all that was drawn is acknowledged, and no more', async () => {
  const { time, stream, pipeline, state } = start(generate({ seed: 1 }), 0.1, 1000)
  await time.advance(1500)
  pipeline.stop()
  await time.advanceUntil(() => state.done, 60_000)
  expect(pipeline.acknowledged).toBe(pipeline.sent)
  expect(new Set(stream.log.map(({ index }) => index)).size).toBe(pipeline.sent)
  expect(Math.abs(pipeline.sent - 1500)).toBeLessThan(100)
})

test('a failure that repeating does not cure ends the run', async () => {
  const time = new VirtualTime()
  const pipeline = new PutPipeline(
    {
      records: generate({ seed: 1 }),
      put: () => Promise.reject(new Error('no such stream')),
      isFatal: () => true,
      onAcknowledged: () => {},
      clock: time,
      scheduler: time,
      random: seededRandom(1),
    },
    1000,
  )
  const run = expect(pipeline.run()).rejects.toThrow('no such stream')
  await time.advance(100)
  await run
})
