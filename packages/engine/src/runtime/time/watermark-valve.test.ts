import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_TIMESTAMP } from '../../spi/batch.ts'
import { WatermarkValve } from './watermark-valve.ts'

/** Runs steps such as `A5` (a watermark), `A-` (idle), `A+` (active), `A!` (the end of time); answers what each brought. */
function run(channels: number, steps: readonly string[]): string[] {
  let out: string[] = []
  const valve = new WatermarkValve(channels, {
    watermark: (t) => out.push(t === MAX_TIMESTAMP ? 'max' : String(t)),
    status: (idle) => out.push(idle ? 'idle' : 'active'),
  })
  return steps.map((step) => {
    out = []
    const channel = step.charCodeAt(0) - 65
    const what = step.slice(1)
    if (what === '-' || what === '+') valve.status(channel, what === '-')
    else valve.watermark(channel, what === '!' ? MAX_TIMESTAMP : Number(what))
    return out.join(' ')
  })
}

test.each([
  {
    it: 'follows the trace of TM-6',
    channels: 2,
    steps: ['A5', 'B3', 'B-', 'B+', 'B4', 'A7', 'B8', 'A9'],
    brought: ['', '3', '5', '', '', '7', '', '8'],
  },
  { it: 'passes a single channel through', channels: 1, steps: ['A1', 'A1', 'A0', 'A2'], brought: ['1', '', '', '2'] },
  { it: 'waits for every channel', channels: 3, steps: ['A5', 'B6', 'C4', 'C9'], brought: ['', '', '4', '5'] },
  {
    it: 'ignores the watermark of an idle channel',
    channels: 2,
    steps: ['B-', 'B9', 'A3', 'B+', 'A5'],
    brought: ['', '', '3', '', '5'],
  },
  {
    it: 'emits the maximum over all when the last channel that held it back goes idle',
    channels: 2,
    steps: ['A5', 'B3', 'A-', 'B-', 'B+', 'B4', 'B6'],
    brought: ['', '3', '', '5 idle', 'active', '', '6'],
  },
  {
    it: 'is silent about time while idle',
    channels: 2,
    steps: ['A-', 'B-', 'A7', 'B7', 'A+', 'A7'],
    brought: ['', 'idle', '', '', 'active', '7'],
  },
  {
    it: 'reports a repeated status once',
    channels: 1,
    steps: ['A-', 'A-', 'A+', 'A+'],
    brought: ['idle', '', 'active', ''],
  },
  {
    it: 'goes on without a finished channel',
    channels: 2,
    steps: ['A5', 'B3', 'B!', 'A6', 'A!'],
    brought: ['', '3', '5', '6', 'max'],
  },
  {
    it: 'does not end time while an idle channel may come back',
    channels: 2,
    steps: ['A5', 'B3', 'A-', 'B!', 'A+', 'A6', 'A!'],
    brought: ['', '3', '', '5 idle', 'active', '6', 'max'],
  },
  {
    it: 'ends time when the channels finish while idle',
    channels: 2,
    steps: ['A-', 'B-', 'A!', 'B!'],
    brought: ['', 'idle', '', 'active max'],
  },
  {
    it: 'takes no status from a finished channel',
    channels: 2,
    steps: ['A!', 'A-', 'A+', 'B2'],
    brought: ['', '', '', '2'],
  },
])('a valve $it', ({ channels, steps, brought }) => {
  expect(run(channels, steps)).toEqual(brought)
})

test('whatever comes in, time only grows, statuses alternate, and the end of all is the end of time', () => {
  const step = fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom('-', '+', '!')),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = [...steps, ...[0, 1, 2, 3].map((c) => [c, '!'] as const)]
      const out = run(
        4,
        all.map(([channel, what]) => String.fromCharCode(65 + channel) + what),
      )
        .filter((s) => s !== '')
        .join(' ')
        .split(' ')
      const times = out.filter((s) => s !== 'idle' && s !== 'active')
      const statuses = out.filter((s) => s === 'idle' || s === 'active')
      expect(times.at(-1)).toBe('max')
      expect(times.filter((t) => t === 'max')).toHaveLength(1)
      for (let i = 1; i < times.length - 1; i++) expect(Number(times[i])).toBeGreaterThan(Number(times[i - 1]))
      statuses.forEach((status, i) => {
        expect(status).toBe(i % 2 === 0 ? 'idle' : 'active')
      })
      expect(statuses.length % 2).toBe(0)
    }),
  )
})
