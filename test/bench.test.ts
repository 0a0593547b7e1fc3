import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { reporter } from '../bench/figures.ts'
import { nexmark } from '../bench/nexmark.ts'

test("Nexmark's events are those of the peers' generator", () => {
  const eventAt = nexmark()
  const hash = createHash('sha256')
  for (let n = 0; n < 10_000; n++) {
    const event = eventAt(n)
    const body = event.kind === 'person' ? event.person : event.kind === 'auction' ? event.auction : event.bid
    hash.update(`${JSON.stringify(body)}\n`)
  }
  // Of the same lines as another implementation, the one beside the Flink peer, gives them.
  expect(hash.digest('hex')).toBe('a1ce1083aaefb77a98aabaf0b5e98693713c6ab06cf2454e5f123207fcefe655')
})

test('an event depends on its number alone', () => {
  const forwards = nexmark({ seed: 7 })
  const backwards = nexmark({ seed: 7 })
  const events = Array.from({ length: 200 }, (_, n) => forwards(n))
  for (let n = 199; n >= 0; n--) expect(backwards(n)).toEqual(events[n])
  expect(nexmark({ seed: 8 })(4)).not.toEqual(events[4])
})

test('a figure is a JSON line with the median, the spread and whether it meets its bar', () => {
  const lines: string[] = []
  const writing = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text))
    return true
  })
  const { report, missed } = reporter(true)
  report({ bench: 'b', metric: 'met', unit: 'ms', values: [3, 1, 2.0004], bar: 2.5 })
  report({ bench: 'b', metric: 'missed', unit: 'ms', values: [4, 3], bar: 3 })
  report({ bench: 'b', metric: 'free', unit: 'ms', values: [9] })
  writing.mockRestore()
  const figures = lines.map((line) => JSON.parse(line))
  expect(figures[0]).toMatchObject({ bench: 'b', metric: 'met', unit: 'ms', value: 2, bar: 2.5, meets: true, runs: 3 })
  expect(figures[0].spread).toEqual([1, 3])
  expect(figures[0].load).toBeTypeOf('number')
  expect(figures[1]).toMatchObject({ value: 3, bar: 3, meets: false })
  expect(figures[2]).toMatchObject({ value: 9, bar: null, meets: true })
  expect(missed.map(({ metric }) => metric)).toEqual(['missed'])
})

test('the bench of the service measures each of its parts', async () => {
  const args = ['scripts/run.mjs', 'bench/main.ts', 'service', '--json', '--quick']
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 })
  const figures = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { metric: string; value: number; bar: number | null; load: number })
  for (const { value, load } of figures) expect([value >= 0, Number.isFinite(load)]).toEqual([true, true])
  expect(figures.filter(({ bar }) => bar !== null).map(({ metric }) => metric)).toEqual([
    'create to RUNNING, p95',
    'update while running, fan-out: longest gap',
    'live rescale, fan-out: longest gap',
    'restore of 100 MB: process to the first record',
    'kill -9 to the next record, fan-out',
    '2 idle applications with fan-out: PSS of all processes',
    '2 idle applications with fan-out: processor',
    'DescribeApplication, processor of the node a call',
    'DescribeApplication, 1000 calls/s, p99',
  ])
}, 300_000)
