import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

/** What a pace says after a subtask has worked off `records`, each in so long, step by step. */
function paceOf(recordMs: number, records = 20_000): Pace {
  const pace = new Pace(0)
  let nowMs = 0
  let done = 0
  while (done < records) {
    const taken = pace.stepRecords
    const ms = taken * recordMs
    nowMs += ms
    done += taken
    pace.stepped(taken, ms)
    if (pace.isDue(nowMs)) pace.measure(nowMs, done, { busyMs: nowMs, idleMs: 0, backPressuredMs: 0 })
  }
  return pace
}

test.each([
  { recordMs: 0.001, stepRecords: 1024, waitingRecords: 500_000 },
  { recordMs: 1, stepRecords: 10, waitingRecords: 500 },
  { recordMs: 10, stepRecords: 1, waitingRecords: 50 },
  { recordMs: 2_000, stepRecords: 1, waitingRecords: 1 },
])('records of $recordMs ms: a step of $stepRecords, $waitingRecords wait', ({ recordMs, ...expected }) => {
  const { stepRecords, waitingRecords } = paceOf(recordMs)
  expect({ stepRecords, waitingRecords: Math.round(waitingRecords) }).toEqual(expected)
})

test('a single slow moment halves what may wait, the next measurement gives it back', () => {
  const pace = paceOf(1)
  const at = 30_000
  pace.measure(at, 20_010, { busyMs: at, idleMs: 0, backPressuredMs: 0 })
  expect(pace.waitingRecords).toBe(250)
  pace.measure(at + 100, 20_110, { busyMs: at + 100, idleMs: 0, backPressuredMs: 0 })
  expect(pace.waitingRecords).toBe(500)
})

test('what its outputs hold back, the subtask takes no faster', () => {
  const pace = new Pace(0)
  pace.measure(1_000, 100, { busyMs: 10, idleMs: 0, backPressuredMs: 990 })
  expect(pace.waitingRecords).toBe(128)
  pace.measure(2_000, 200, { busyMs: 20, idleMs: 0, backPressuredMs: 1_980 })
  expect(pace.waitingRecords).toBe(64)
  pace.measure(3_000, 300, { busyMs: 30, idleMs: 0, backPressuredMs: 2_970 })
  expect(pace.waitingRecords).toBe(50)
})
