import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { metricRows } from './metric-rows-fixture.ts'

test('the reference names every metric as it is', () => {
  const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => /^\| `[A-Za-z]+` \| .*\| [ATOP ]+ \|/.test(line))
  expect(rows).toEqual(metricRows())
})
