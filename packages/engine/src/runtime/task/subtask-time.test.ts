import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SubtaskTime } from './subtask-time.ts'

test('without a step all of it is idle', () => {
  expect(new SubtaskTime(100).spent(160)).toEqual({ busyMs: 0, idleMs: 60, backPressuredMs: 0 })
})

test('a full output makes the time until the next step back-pressured, whatever that step does', () => {
  const time = new SubtaskTime(0)
  time.worked(0, 10, true)
  time.worked(40, 45, false)
  expect(time.spent(45)).toEqual({ busyMs: 15, idleMs: 0, backPressuredMs: 30 })
  time.rested(50, true)
  time.rested(80, false)
  expect(time.spent(90)).toEqual({ busyMs: 15, idleMs: 10, backPressuredMs: 30 + 35 })
})

test('waiting for a turn with work at hand is busy; without, it was idle all along', () => {
  const waiting = new SubtaskTime(0)
  waiting.worked(0, 10, false)
  waiting.worked(30, 40, false)
  expect(waiting.spent(40)).toEqual({ busyMs: 40, idleMs: 0, backPressuredMs: 0 })
  const resting = new SubtaskTime(0)
  resting.worked(0, 10, false)
  resting.rested(30, false)
  expect(resting.spent(30)).toEqual({ busyMs: 10, idleMs: 20, backPressuredMs: 0 })
})

test('a thread that works downstream meanwhile holds the subtask back; other work on it doesn’t', () => {
  let downstreamMs = 7
  const time = new SubtaskTime(0, () => downstreamMs)
  time.worked(0, 10, false)
  downstreamMs += 15
  time.worked(30, 40, false)
  expect(time.spent(40)).toEqual({ busyMs: 25, idleMs: 0, backPressuredMs: 15 })
  downstreamMs += 5
  time.rested(50, false)
  expect(time.spent(50)).toEqual({ busyMs: 25, idleMs: 10, backPressuredMs: 15 })
})

const step = fc.record({
  kind: fc.constantFrom('worked', 'rested', 'asked'),
  waitMs: fc.nat(50),
  tookMs: fc.nat(50),
  full: fc.boolean(),
})

test('the three add up to the time that has passed, and none ever shrinks', () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const time = new SubtaskTime(0)
      let nowMs = 0
      let before = time.spent(0)
      for (const { kind, waitMs, tookMs, full } of steps) {
        nowMs += waitMs
        if (kind === 'worked') {
          time.worked(nowMs, nowMs + tookMs, full)
          nowMs += tookMs
        } else if (kind === 'rested') time.rested(nowMs, full)
        else {
          const { busyMs, idleMs, backPressuredMs } = time.spent(nowMs)
          expect(busyMs + idleMs + backPressuredMs).toBe(nowMs)
          expect(busyMs).toBeGreaterThanOrEqual(before.busyMs)
          expect(idleMs).toBeGreaterThanOrEqual(before.idleMs)
          expect(backPressuredMs).toBeGreaterThanOrEqual(before.backPressuredMs)
          before = { busyMs, idleMs, backPressuredMs }
        }
      }
      const { busyMs, idleMs, backPressuredMs } = time.spent(nowMs)
      expect(busyMs + idleMs + backPressuredMs).toBe(nowMs)
    }),
  )
})
