import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextFirstLonger, redistribute } from './redistribute.ts'

const text = (runs: unknown[][]) => runs.map((run) => `[${run.join(' ')}]`).join('')

test.each([
  {
    from: [
      ['A', 'B', 'C'],
      ['D', 'E'],
    ],
    to: 3,
    gives: '[A B][C D][E]',
  },
  {
    from: [
      ['A', 'B', 'C'],
      ['D', 'E'],
    ],
    to: 4,
    gives: '[A B][C][D][E]',
  },
  {
    from: [
      ['A', 'B', 'C'],
      ['D', 'E'],
    ],
    to: 1,
    gives: '[A B C D E]',
  },
  {
    from: [
      ['A', 'B', 'C'],
      ['D', 'E'],
    ],
    to: 2,
    gives: '[A B C][D E]',
  },
  { from: [['A'], ['B'], ['C']], to: 2, gives: '[A B][C]' },
  { from: [['A']], to: 3, gives: '[A][][]' },
  { from: [], to: 2, gives: '[][]' },
])('$from at parallelism $to gives $gives (ST-6)', ({ from, to, gives }) => {
  expect(text(redistribute(from, to))).toBe(gives)
})

test('the next list begins where the longer runs of the one before ended', () => {
  const first = [
    ['A', 'B', 'C'],
    ['D', 'E'],
  ]
  const second = [
    ['V', 'W'],
    ['X', 'Y'],
  ]
  const start = nextFirstLonger(first, 3)
  expect(start).toBe(2)
  expect(text(redistribute(second, 3, start))).toBe('[V][W][X Y]')
  expect(nextFirstLonger(second, 3, start)).toBe(0)
})

test('nothing is lost or doubled or reordered, and runs differ by one at most', () => {
  const lists = fc.array(fc.array(fc.nat()), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 8 }), fc.nat(7), (from, to, seed) => {
      const runs = redistribute(from, to, seed % to)
      expect(runs.flat()).toEqual(from.flat())
      expect(runs).toHaveLength(to)
      if (from.length === to) return
      const sizes = runs.map((run) => run.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
  )
})
