import { describeSource, type SourceHarness, VirtualTime } from '@millrace/engine/testing'
import { describe, expect, test } from 'vitest'
import { FakeKinesis } from './fake-kinesis.ts'
import { kinesisSource } from './source.ts'

const utf8 = new TextDecoder()
const format = { decode: (bytes: Uint8Array) => utf8.decode(bytes) }

for (const readerType of ['polling', 'fan-out'] as const) {
  describeSource<string>(
    `kinesis, ${readerType}`,
    async () => harness(readerType),
    { describe, test, expect },
    {
      reshards: true,
      seeds: 20,
    },
  )
}

function harness(readerType: 'polling' | 'fan-out'): SourceHarness<string> {
  const time = new VirtualTime()
  const stream = new FakeKinesis(time, 3)
  stream.recordsPerAnswer = 37
  stream.consumerActivationMs = 0
  const numbers = new Map<string, number>()
  let written = 0
  return {
    clock: time,
    scheduler: time,
    source: () =>
      kinesisSource(
        { stream: 'orders', format, readerType, initialPosition: 'TRIM_HORIZON', shardDiscoveryIntervalMs: 1_000 },
        (value: string) => value,
        () => stream.api(),
      ),
    write: async (count) =>
      Array.from({ length: count }, () => {
        const key = `key${written++ % 13}`
        const number = (numbers.get(key) ?? 0) + 1
        numbers.set(key, number)
        stream.put(key, Buffer.from(`${key}/${number}`))
        return `${key}/${number}`
      }),
    nameOf: (value) => value,
    reshard: async () => {
      const open = stream.shards
        .filter((shard) => !shard.closed)
        .sort((a, b) => (BigInt(a.startingHashKey) < BigInt(b.startingHashKey) ? -1 : 1))
      if (open.length < 5) stream.split(open[written % open.length]!.shardId)
      else stream.merge(open[1]!.shardId, open[2]!.shardId)
    },
    until: (condition) => time.advanceUntil(condition),
    pass: (ms) => time.advance(ms),
    close: async () => {
      expect(stream.openApis).toBe(0)
      expect(stream.openSubscriptions).toBe(0)
    },
  }
}
