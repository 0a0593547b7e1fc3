import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import {
  ALL_CHANNELS,
  broadcastPartitioner,
  rebalancePartitioner,
  rescalePartitioner,
  rescaleTargets,
} from './partitioner.ts'

test('rebalance takes the channels in turn from a start that the seed decides', () => {
  const channels = (seed: number) => {
    const partitioner = rebalancePartitioner(3, seededRandom(seed))
    return Array.from({ length: 6 }, () => partitioner.channelFor(undefined))
  }
  expect(channels(1)).toEqual(channels(1))
  const starts = new Set(Array.from({ length: 50 }, (_, seed) => channels(seed)[0]))
  expect([...starts].sort()).toEqual([0, 1, 2])
  const [first = 0, ...rest] = channels(4)
  expect(rest).toEqual([1, 2, 3, 4, 5].map((i) => (first + i) % 3))
})

test('broadcast means all, rescale turns within its group', () => {
  expect(broadcastPartitioner.channelFor(1)).toBe(ALL_CHANNELS)
  const rescale = rescalePartitioner(2, 4)
  expect([1, 2, 3].map((v) => rescale.channelFor(v))).toEqual([2, 3, 2])
})

test.each([
  { producers: 2, consumers: 4, targets: ['0-2', '2-4'] },
  { producers: 4, consumers: 2, targets: ['0-1', '0-1', '1-2', '1-2'] },
  { producers: 2, consumers: 3, targets: ['0-2', '2-3'] },
  { producers: 3, consumers: 2, targets: ['0-1', '1-2', '1-2'] },
  { producers: 3, consumers: 3, targets: ['0-1', '1-2', '2-3'] },
  { producers: 1, consumers: 3, targets: ['0-3'] },
])('rescale connects $producers with $consumers', ({ producers, consumers, targets }) => {
  const actual = Array.from({ length: producers }, (_, p) => rescaleTargets(p, producers, consumers))
  expect(actual.map(({ first, end }) => `${first}-${end}`)).toEqual(targets)
})

test('rescale reaches every consumer and leaves no producer out', () => {
  for (let producers = 1; producers <= 12; producers++) {
    for (let consumers = 1; consumers <= 12; consumers++) {
      const reached = new Set<number>()
      for (let p = 0; p < producers; p++) {
        const { first, end } = rescaleTargets(p, producers, consumers)
        expect(end).toBeGreaterThan(first)
        for (let c = first; c < end; c++) reached.add(c)
      }
      expect(reached.size).toBe(consumers)
    }
  }
})
