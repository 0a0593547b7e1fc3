import { expect, test } from 'vitest'
import { keyGroupForKey, subtaskForKeyGroup } from '../../types/key-group.ts'
import { hashPartitioner } from './hash-partitioner.ts'

const byKey = (parallelism: number) =>
  hashPartitioner({ keySelector: (v: { key: unknown }) => v.key, maxParallelism: 256, parallelism, operator: 'count' })

test('a key goes to the subtask that owns its key group', () => {
  const partitioner = byKey(3)
  const keys = ['a', 'card-17', '', 0, -0, 1, 1.5, Number.NaN, true, 12n, ['a', 1]]
  for (const key of keys) {
    expect(partitioner.channelFor({ key })).toBe(subtaskForKeyGroup(keyGroupForKey(key, 256), 3, 256))
  }
})

test.each([
  { it: 'null', key: null, said: /'count' returned no key: null can/ },
  { it: 'undefined', key: undefined, said: /'count' returned no key: undefined can/ },
  { it: 'a function', key: () => 1, said: /'count' returned no key: A function/ },
  { it: 'a class instance', key: new URL('http://localhost'), said: /'count' returned no key: An instance of URL/ },
])('$it as key is refused, naming the operator', ({ key, said }) => {
  expect(() => byKey(2).channelFor({ key })).toThrow(
    expect.objectContaining({ code: 'KEY_UNSUPPORTED', message: expect.stringMatching(said) }),
  )
})

test('a key selector that throws is reported with its operator and cause', () => {
  const cause = new TypeError('no such field')
  const partitioner = hashPartitioner({
    keySelector: () => {
      throw cause
    },
    maxParallelism: 256,
    parallelism: 2,
    operator: 'count',
  })
  expect(() => partitioner.channelFor({})).toThrow(
    expect.objectContaining({
      code: 'KEY_SELECTOR_FAILED',
      kind: 'application',
      cause,
      message: expect.stringMatching(/'count'.*no such field/),
    }),
  )
})
