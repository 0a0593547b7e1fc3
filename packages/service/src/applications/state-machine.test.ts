import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { applicationStatuses } from './application-record.ts'
import { lifecycleCalls, nextStatus, transientStatuses, transitions } from './state-machine.ts'

test('the table is complete, and leads to statuses of the API alone', () => {
  expect(Object.keys(transitions).sort()).toEqual([...applicationStatuses].sort())
  for (const row of Object.values(transitions)) {
    for (const next of Object.values(row)) expect(['GONE', 'refused', ...applicationStatuses]).toContain(next)
  }
})

test('from every status an operation in progress can fail, and the application is at rest then', () => {
  const atRest = ['READY', 'RUNNING', 'ROLLED_BACK']
  expect([...transientStatuses].sort()).toEqual(applicationStatuses.filter((status) => !atRest.includes(status)).sort())
  for (const status of transientStatuses) expect(nextStatus(status, 'failed')).toBe('READY')
})

test('the specification lists every call that the table accepts', () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').filter((line) => line.startsWith('| '))
  const names = { ForceStopApplication: 'StopApplication with Force' } as const
  for (const status of applicationStatuses) {
    for (const call of lifecycleCalls) {
      const name = call === 'ForceStopApplication' ? names[call] : call
      const listed = rows.find((row) => {
        const [from = '', trigger = ''] = row.split('|').slice(1)
        return from.split(',').some((one) => one.trim() === status) && trigger.trim() === name
      })
      const next = nextStatus(status, call)
      if (next === 'refused') expect(listed, `${status} × ${call}`).toBeUndefined()
      else expect(listed?.split('|')[3], `${status} × ${call}`).toContain(next)
    }
  }
})
