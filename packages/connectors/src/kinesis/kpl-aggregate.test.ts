import { createHash } from 'node:crypto'
import { seededRandom } from '@millrace/engine/spi'
import { SourceDriver, VirtualTime } from '@millrace/engine/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeKinesis } from './fake-kinesis.ts'
import { unpackAggregate } from './kpl-aggregate.ts'
import { kinesisSource } from './source.ts'

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
const lengthDelimited = (field: number, bytes: Uint8Array): number[] => [
  field * 8 + 2,
  ...varint(bytes.length),
  ...bytes,
]

interface Part {
  readonly key: string
  readonly hashKey?: string
  readonly data: Uint8Array
}

/** Packs as the Kinesis Producer Library does. */
function pack(parts: readonly Part[]): Uint8Array {
  const keys = [...new Set(parts.map(({ key }) => key))]
  const hashKeys = [...new Set(parts.flatMap(({ hashKey }) => (hashKey === undefined ? [] : [hashKey])))]
  const record = ({ key, hashKey, data }: Part) =>
    Uint8Array.from([
      8,
      ...varint(keys.indexOf(key)),
      ...(hashKey === undefined ? [] : [16, ...varint(hashKeys.indexOf(hashKey))]),
      ...lengthDelimited(3, data),
      ...lengthDelimited(4, Uint8Array.from(lengthDelimited(1, Buffer.from('tag')))),
    ])
  const body = Uint8Array.from([
    ...keys.flatMap((key) => lengthDelimited(1, Buffer.from(key))),
    ...hashKeys.flatMap((key) => lengthDelimited(2, Buffer.from(key))),
    ...parts.flatMap((part) => lengthDelimited(3, record(part))),
  ])
  return Uint8Array.from([0xf3, 0x89, 0x9a, 0xc2, ...body, ...createHash('md5').update(body).digest()])
}

describe('a packed record', () => {
  const anyParts = fc.array(
    fc.record(
      {
        key: fc.string({ minLength: 1 }),
        hashKey: fc.bigInt(0n, 2n ** 128n - 1n).map(String),
        data: fc.uint8Array({ maxLength: 300 }),
      },
      { requiredKeys: ['key', 'data'] },
    ),
    { minLength: 1 },
  )

  test('gives its parts in order, with their keys', () =>
    fc.assert(
      fc.property(anyParts, (parts) => {
        const unpacked = unpackAggregate(pack(parts))!
        expect(unpacked.map(({ partitionKey, data }) => [partitionKey, Buffer.from(data).toString('hex')])).toEqual(
          parts.map(({ key, data }) => [key, Buffer.from(data).toString('hex')]),
        )
        for (const [i, { key, hashKey }] of parts.entries()) {
          const md5 = BigInt(`0x${createHash('md5').update(key).digest('hex')}`)
          expect(unpacked[i]!.hashKey()).toBe(hashKey === undefined ? md5 : BigInt(hashKey))
        }
      }),
    ))

  test('with a wrong checksum, cut short, or filled with anything, is plain data', () =>
    fc.assert(
      fc.property(anyParts, fc.nat(), fc.uint8Array({ maxLength: 40 }), (parts, at, junk) => {
        const packed = pack(parts)
        const flipped = packed.slice()
        flipped[4 + (at % (packed.length - 4))]! ^= 1
        expect(unpackAggregate(flipped)).toBeUndefined()
        expect(unpackAggregate(packed.subarray(0, packed.length - 1))).toBeUndefined()
        const body = Uint8Array.from([0x08, 0x80, ...junk, 0xff])
        const sealed = Uint8Array.from([0xf3, 0x89, 0x9a, 0xc2, ...body, ...createHash('md5').update(body).digest()])
        expect(unpackAggregate(sealed) === undefined || Array.isArray(unpackAggregate(sealed))).toBe(true)
      }),
    ))
})

describe('the source', () => {
  const inShard = (stream: FakeKinesis, i: number) => {
    const { startingHashKey } = stream.shards[i]!
    return (data: string): Part => ({ key: `k-${data}`, hashKey: startingHashKey, data: Buffer.from(data) })
  }

  async function read(
    stream: FakeKinesis,
    time: VirtualTime,
    options: { deaggregate?: boolean; hashRangeCheck?: boolean } = {},
  ) {
    const source = kinesisSource<string, string>(
      {
        stream: 'orders',
        format: { decode: (bytes) => (bytes[0] === 0xf3 ? 'packed' : Buffer.from(bytes).toString()) },
        initialPosition: 'TRIM_HORIZON',
        ...options,
      },
      (value, record, _shardId, partitionKey, sub) =>
        `${value} ${partitionKey} ${stream.shards.findIndex((s) => s.records.includes(record))}:${sub}`,
      () => stream.api(),
    )
    const driver = new SourceDriver(source, 1, { clock: time, scheduler: time, random: seededRandom(1) })
    await time.advance(3_000)
    const values = driver.emitted.map(({ value }) => value)
    await driver.close()
    return { values, dropped: driver.metricsOf(0).collect()['droppedAggregates'] }
  }

  /** Puts into shard 0 of two, whatever the parts say. */
  const putIntoFirst = (stream: FakeKinesis, data: Uint8Array) => {
    for (let i = 0; ; i++) {
      const { shardId } = stream.put(`outer${i}`, data)
      if (shardId === stream.shards[0]!.shardId) return
      stream.shards[1]!.records.pop()
    }
  }

  test('takes packed records apart, with sub-sequence numbers', async () => {
    const time = new VirtualTime()
    const stream = new FakeKinesis(time, 2)
    const part = inShard(stream, 0)
    putIntoFirst(stream, pack([part('a'), part('b'), part('c')]))
    expect(await read(stream, time)).toEqual({ values: ['a k-a 0:0', 'b k-b 0:1', 'c k-c 0:2'], dropped: 0 })
  })

  test('drops one whole when a part belongs to another shard, since the producer sends it again', async () => {
    const time = new VirtualTime()
    const stream = new FakeKinesis(time, 2)
    putIntoFirst(stream, pack([inShard(stream, 0)('a'), inShard(stream, 1)('b')]))
    expect(await read(stream, time)).toEqual({ values: [], dropped: 1 })
    expect(await read(stream, time, { hashRangeCheck: false })).toMatchObject({ values: ['a k-a 0:0', 'b k-b 0:1'] })
  })

  test('leaves them whole when told so', async () => {
    const time = new VirtualTime()
    const stream = new FakeKinesis(time, 2)
    putIntoFirst(stream, pack([inShard(stream, 0)('a')]))
    expect((await read(stream, time, { deaggregate: false })).values).toMatchObject(
      [/^packed outer\d+ 0:0$/].map((p) => expect.stringMatching(p)),
    )
  })
})
