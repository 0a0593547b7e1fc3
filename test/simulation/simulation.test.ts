import { describe, expect, test } from 'vitest'
import { plantedBugs, seedThatCatches } from './planted-bugs.ts'
import { runScenario } from './run-scenario.ts'
import { scenarioOf } from './scenario.ts'

const SEEDS = 100
const SEEDS_A_TEST = 20

describe('every invariant holds whatever fails', () => {
  const starts = Array.from({ length: SEEDS / SEEDS_A_TEST }, (_, i) => 1 + i * SEEDS_A_TEST)
  test.each(starts)(`from seed %i, ${SEEDS_A_TEST} seeds`, async (from) => {
    for (let seed = from; seed < from + SEEDS_A_TEST; seed++) {
      const { violations } = await runScenario(scenarioOf(seed))
      expect(violations, `npm run sim -- --seed ${seed}`).toEqual([])
    }
  })
})

test('invariant 5: same seed, same run', async () => {
  for (const seed of [3, 42, 77]) {
    const { traceHash } = await runScenario(scenarioOf(seed))
    expect((await runScenario(scenarioOf(seed))).traceHash).toBe(traceHash)
  }
  const hashes = new Set<string>()
  for (let seed = 1; seed <= 10; seed++) hashes.add((await runScenario(scenarioOf(seed))).traceHash)
  expect(hashes.size).toBe(10)
})

describe('the checkers notice a planted bug', () => {
  test.each(plantedBugs)('$invariant: $name', async (bug) => {
    expect(await seedThatCatches(bug, 30)).toBeDefined()
  })
})
