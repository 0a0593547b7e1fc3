import { describe, expect, test } from 'vitest'
import { type PlantedBug, runZones } from './zones-world-fixture.ts'

const seeds = 100
/** Within so many seeds each planted bug must show. */
const seedsOfBug = 40

describe('three nodes of two zones with crashes, standstills, partitions and outages', () => {
  test(`keep the laws of ownership from ${seeds} seeds`, async () => {
    const totals = { acquired: 0, refusedWrites: 0, lapses: 0, leaders: 0 }
    let longestGapMs = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const run = await runZones(seed)
      expect(run.violations).toEqual([])
      totals.acquired += run.acquired
      totals.refusedWrites += run.refusedWrites
      totals.lapses += run.lapses
      totals.leaders += run.leaders
      longestGapMs = Math.max(longestGapMs, run.longestGapMs)
    }
    // Otherwise nothing was tried.
    expect(totals.acquired).toBeGreaterThan(seeds * 8)
    expect(totals.refusedWrites).toBeGreaterThan(0)
    expect(totals.lapses).toBeGreaterThan(seeds)
    expect(totals.leaders).toBeGreaterThan(seeds * 2)
    console.info(`zones: ${JSON.stringify({ seeds, ...totals, longestGapMs: Math.round(longestGapMs) })}`)
  })

  test('the same seed is the same run', async () => {
    expect(await runZones(7)).toEqual(await runZones(7))
  })
})

const bugs: readonly (PlantedBug & { readonly it: string })[] = [
  { it: 'a store that takes writes of lost owners', law: 'fencing', ownerIgnored: true },
  {
    it: 'a new owner in the old epoch',
    law: 'owner',
    zones: (store, { placements }) => ({
      place: async (assignment, ...rest) => {
        const placed = await store.place(assignment, ...rest)
        const { application, node, expectedEpoch } = assignment
        if (placed && expectedEpoch > 0) placements.set(application, { application, node, epoch: expectedEpoch })
        return placed
      },
    }),
  },
  {
    it: 'an epoch that starts again',
    law: 'epochs',
    zones: (store, { placements }) => ({
      place: async (assignment, ...rest) => {
        const placed = await store.place(assignment, ...rest)
        if (placed && assignment.node === undefined) placements.delete(assignment.application)
        return placed
      },
    }),
  },
  {
    it: 'a lease taken over in the old epoch',
    law: 'leader',
    zones: (store, { leases }) => ({
      acquireLease: async (name, holder, lifeMs) => {
        const before = leases.get(name)?.epoch
        const taken = await store.acquireLease(name, holder, lifeMs)
        const lease = leases.get(name)!
        if (taken === undefined || before === undefined) return taken
        lease.epoch = before
        return { epoch: before }
      },
    }),
  },
  {
    it: 'a leader that sees no silence',
    law: 'liveness',
    zones: (store) => ({
      view: async () => {
        const view = await store.view()
        return { ...view, nodes: view.nodes.map((node) => ({ ...node, silentMs: 0 })) }
      },
    }),
  },
  { it: 'a node that runs on without its heartbeat', law: 'one job', timing: { lapseMs: 1e9 } },
  { it: 'a limit of silence shorter than the node takes to notice', law: 'one job', timing: { silenceLimitMs: 2_000 } },
]

test.each(bugs)('$it is caught', async (bug) => {
  const caught = []
  for (let seed = 1; seed <= seedsOfBug && caught.length === 0; seed++)
    caught.push(...(await runZones(seed, bug)).violations)
  expect(caught[0]).toContain(`${bug.law}:`)
})
