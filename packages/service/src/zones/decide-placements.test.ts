import { expect, test } from 'vitest'
import { decidePlacements } from './decide-placements.ts'

const node = (id: string, zone: string, { silentMs = 0, capacity = 4 } = {}) => {
  return { id, zone, capacity, silentMs, incarnation: 1, url: `http://${id}` }
}
const placed = (application: string, id: string | undefined, epoch = 1) => ({ application, node: id, epoch })
const needs = (application: string, kpus = 1) => ({ application, kpus })
const lost = { silentMs: 6_000 }

test.each([
  {
    it: 'spreads by load for capacity, the big ones first',
    view: {
      nodes: [node('n1', 'a', { capacity: 2 }), node('n2', 'b', { capacity: 4 })],
      placements: [],
      demand: [needs('x'), needs('y'), needs('z', 4)],
    },
    expected: ['z → n2 after 0', 'x → n1 after 0', 'y → n1 after 0'],
  },
  {
    it: 'leaves what runs on a live node, whatever the load',
    view: {
      nodes: [node('n1', 'a'), node('n2', 'b')],
      placements: [placed('x', 'n1'), placed('y', 'n1')],
      demand: [needs('x', 9), needs('y', 9)],
    },
    expected: [],
  },
  {
    it: 'goes to another zone than the one that lost a node',
    view: {
      nodes: [node('n1', 'a', lost), node('n2', 'a'), node('n3', 'b')],
      placements: [placed('x', 'n1', 7), placed('y', 'n3')],
      demand: [needs('x'), needs('y', 3)],
    },
    expected: ['x → n3 after 7'],
  },
  {
    it: 'stays in the zone when there is no other',
    view: {
      nodes: [node('n1', 'a', lost), node('n2', 'a'), node('n3', 'b', lost)],
      placements: [placed('x', 'n1')],
      demand: [needs('x')],
    },
    expected: ['x → n2 after 1'],
  },
  {
    it: 'lets go what nobody has to attend to, and starts it again where there is room',
    view: {
      nodes: [node('n1', 'a'), node('n2', 'b')],
      placements: [placed('x', 'n1', 3), placed('y', undefined, 5), placed('z', 'n1')],
      demand: [needs('y'), needs('z')],
    },
    expected: ['x → nobody after 3', 'y → n2 after 5'],
  },
  {
    it: 'does nothing without a live node',
    view: { nodes: [node('n1', 'a', lost)], placements: [placed('x', 'n1')], demand: [needs('x')] },
    expected: [],
  },
])('placement $it', ({ view, expected }) => {
  const told = decidePlacements(view, 6_000).map(({ application, node: id, expectedEpoch }) => {
    return `${application} → ${id ?? 'nobody'} after ${expectedEpoch}`
  })
  expect(told).toEqual(expected)
})
