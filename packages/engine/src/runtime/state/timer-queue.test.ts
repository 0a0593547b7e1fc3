import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../../common/byte-writer.ts'
import { encodeKey, writeKeyOrNull } from '../../types/key.ts'
import { keyGroupForKey } from '../../types/key-group.ts'
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts'

function backend(): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorId: 'op', maxParallelism: 256, range: { start: 0, end: 255 } })
}

test('event timers fire as in the trace of TM-10', () => {
  const state = backend()
  const timers = state.timers('event')
  const fired: string[] = []
  const element = (key: string, timestampMs: number, more: number[] = []) => {
    state.setCurrentKey(key)
    for (const each of [timestampMs, timestampMs, ...more]) timers.register(each, null)
  }
  const watermark = (timeMs: number) =>
    timers.advance(timeMs, (timer) => {
      expect(state.currentKey()).toBe(timer.key)
      fired.push(`${timer.key}@${timer.timestampMs} W${timeMs}`)
      if (timer.timestampMs === 10) for (const each of [12, 1, 25]) timers.register(each, null)
    })
  element('a', 5)
  element('a', 5)
  element('b', 5)
  watermark(4)
  watermark(5)
  element('a', 3)
  watermark(6)
  element('c', 10, [15, 110])
  watermark(20)
  watermark(20)
  watermark(15)
  watermark(30)
  watermark(Number.POSITIVE_INFINITY)
  const atFive = keyGroupForKey('a', 256) < keyGroupForKey('b', 256) ? ['a@5 W5', 'b@5 W5'] : ['b@5 W5', 'a@5 W5']
  expect(fired).toEqual([
    ...atFive,
    'a@3 W6',
    'c@10 W20',
    'c@1 W20',
    'c@12 W20',
    'c@15 W20',
    'c@25 W30',
    'c@110 WInfinity',
  ])
  expect(timers.size).toBe(0)
})

test('equal timestamps fire by key group, encoded key, encoded namespace, also those added meanwhile', () => {
  const anyTimer = fc.record({
    key: fc.oneof(
      fc.string({ maxLength: 2 }),
      fc.nat(5),
      fc.tuple(fc.nat(2), fc.string({ maxLength: 1 })),
      fc.constant(Number.NaN),
    ),
    namespace: fc.oneof(fc.constant(null), fc.nat(3), fc.constant(Number.NaN), fc.tuple(fc.nat(1))),
  })
  const order = (timer: { key: unknown; namespace: unknown }) => {
    const writer = new ByteWriter()
    writeKeyOrNull(writer, timer.namespace, 'namespace')
    const group = keyGroupForKey(timer.key, 256).toString(16).padStart(2, '0')
    // A separator below every digit, so that a shorter encoding comes before a longer one.
    return [group, Buffer.from(encodeKey(timer.key)).toString('hex'), Buffer.from(writer.view()).toString('hex')].join(
      ' ',
    )
  }
  fc.assert(
    fc.property(fc.array(anyTimer, { maxLength: 30 }), fc.array(anyTimer, { maxLength: 5 }), (first, meanwhile) => {
      const state = backend()
      const timers = state.timers('event')
      const register = (timer: { key: unknown; namespace: unknown }) => {
        state.setCurrentKey(timer.key)
        timers.register(7, timer.namespace)
      }
      first.forEach(register)
      const left = new Set(first.map(order))
      const fired: string[] = []
      timers.advance(7, (timer) => {
        const lowest = [...left].sort()[0]
        fired.push(order(timer))
        expect(order(timer)).toBe(lowest)
        left.delete(order(timer))
        const next = meanwhile.pop()
        if (next === undefined) return
        register(next)
        left.add(order(next))
      })
      expect(left.size).toBe(0)
      expect(timers.size).toBe(0)
      expect(timers.peekTimestamp()).toBe(Number.POSITIVE_INFINITY)
    }),
    { numRuns: 300 },
  )
})

test('against the plain definition: a sorted list of distinct timers', () => {
  const op = fc.record({
    op: fc.constantFrom('register', 'register', 'delete', 'advance'),
    key: fc.nat(4),
    at: fc.integer({ min: 0, max: 20 }),
    namespace: fc.nat(2),
  })
  fc.assert(
    fc.property(fc.array(op, { maxLength: 300 }), (ops) => {
      const state = backend()
      const timers = state.timers('processing')
      const model = new Set<string>()
      for (const { op, key, at, namespace } of ops) {
        state.setCurrentKey(key)
        if (op === 'register') {
          timers.register(at, namespace)
          model.add(`${at}/${key}/${namespace}`)
        } else if (op === 'delete') {
          timers.delete(at, namespace)
          model.delete(`${at}/${key}/${namespace}`)
        } else {
          let last = Number.NEGATIVE_INFINITY
          timers.advance(at, (timer) => {
            expect(timer.timestampMs).toBeGreaterThanOrEqual(last)
            last = timer.timestampMs
            expect(model.delete(`${timer.timestampMs}/${timer.key}/${timer.namespace}`)).toBe(true)
          })
          for (const each of model) expect(Number.parseInt(each, 10)).toBeGreaterThan(at)
        }
        expect(timers.size).toBe(model.size)
        const lowest = Math.min(...[...model].map((each) => Number.parseInt(each, 10)))
        expect(timers.peekTimestamp()).toBe(lowest)
      }
    }),
    { numRuns: 300 },
  )
})

test('a timer moved a hundred thousand times leaves nothing behind', () => {
  const state = backend()
  const timers = state.timers('event')
  state.setCurrentKey('session')
  timers.register(0, null)
  for (let at = 1; at <= 100_000; at++) {
    timers.delete(at - 1, null)
    timers.register(at, null)
  }
  expect(timers.size).toBe(1)
  expect(timers.peekTimestamp()).toBe(100_000)
  const sweep = state.snapshot()
  expect(sweep.step(1)).toBe(true)
  expect(sweep.result().map((each) => each.entryCount)).toEqual([1])
})

test('a timestamp that is no number is refused', () => {
  const state = backend()
  state.setCurrentKey('a')
  const refused = expect.objectContaining({ code: 'TIMER_TIMESTAMP_INVALID', kind: 'application' })
  expect(() => state.timers('event').register(Number.NaN, null)).toThrow(refused)
  expect(() => state.timers('event').register('5' as any, null)).toThrow(refused)
  expect(() => state.timers('event').register(5, {})).toThrow("can't be used as a namespace")
})
