import { expect, test } from 'vitest'
import { scalingSettings } from './scaling-settings.ts'

const bounds = { parallelism: 2, maxParallelism: 64 }
const settings = (group: Record<string, string>) => scalingSettings({ millrace: group }, bounds)

test("without the group: Amazon's rule, no hibernation", () => {
  expect(scalingSettings({}, bounds)).toEqual({ backlog: undefined, hibernateAfterMinutes: undefined })
})

test('other keys of the group are none of its business', () => {
  expect(settings({ runtime: 'embedded', 'log.level.window': 'debug' }).backlog).toBeUndefined()
})

test('defaults of the policy on backlog', () => {
  expect(settings({ 'scaling.policy': 'backlog' }).backlog).toEqual({
    minParallelism: 2,
    maxParallelism: 64,
    targetBusyPercent: 70,
    maxBacklogSeconds: 60,
    cooldownSeconds: 30,
  })
})

test('all that can be said', () => {
  const given = settings({
    'scaling.policy': 'backlog',
    'scaling.min-parallelism': '1',
    'scaling.max-parallelism': '12',
    'scaling.target-busy-percent': '50',
    'scaling.max-backlog-seconds': '5',
    'scaling.cooldown-seconds': '20',
    'hibernate.after-minutes': '15',
  })
  expect(given).toEqual({
    backlog: {
      minParallelism: 1,
      maxParallelism: 12,
      targetBusyPercent: 50,
      maxBacklogSeconds: 5,
      cooldownSeconds: 20,
    },
    hibernateAfterMinutes: 15,
  })
})

test.each<[string, string, RegExp]>([
  ['scaling.policy', 'fast', /scaling\.policy is 'fast'; it must be amazon or backlog/],
  ['scaling.min-parallelism', '0', /from 1 to 256/],
  ['scaling.max-parallelism', '1e3', /whole number/],
  ['scaling.target-busy-percent', '100', /from 10 to 95/],
  ['scaling.max-backlog-seconds', '-1', /from 1 to 86400/],
  ['scaling.cooldown-seconds', '', /from 10 to 3600/],
  ['hibernate.after-minutes', '0.5', /whole number from 1/],
  ['scaling.maximum', '3', /there is no scaling\.maximum\. Known are .*scaling\.max-parallelism/],
  ['hibernate.after', '3', /there is no hibernate\.after/],
  ['scaling.min-parallelism', '65', /least parallelism, 65, is above the greatest, 64/],
])('%s=%s is refused', (key, value, message) => {
  const refused = () => settings({ 'scaling.policy': 'backlog', [key]: value })
  expect(refused).toThrow(
    expect.objectContaining({ type: 'InvalidArgumentException', message: expect.stringMatching(message) }),
  )
})
