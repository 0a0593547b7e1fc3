import type { Assignment, KnownNode, ZoneView } from './zone-store.ts'

/**
 * What the leader changes: applications that must be attended to and whose node is lost, or that have none, go to the
 * live node that is least loaded for its capacity; away from the zone in which a node was lost as long as there is
 * another. Those that nobody has to attend to any more are let go, so that their next start finds a good place. What
 * runs stays where it is.
 */
export function decidePlacements(view: ZoneView, silenceLimitMs: number): readonly Assignment[] {
  const live = view.nodes.filter(({ silentMs }) => silentMs < silenceLimitMs)
  const isLive = new Set(live.map(({ id }) => id))
  const placed = new Map(view.placements.map((placement) => [placement.application, placement]))
  const needed = new Map(view.demand.map(({ application, kpus }) => [application, kpus]))

  const assignments: Assignment[] = []
  const loads = new Map(live.map(({ id }) => [id, 0]))
  for (const { application, node, epoch } of view.placements) {
    if (node === undefined) continue
    const kpus = needed.get(application)
    if (kpus === undefined) assignments.push({ application, node: undefined, expectedEpoch: epoch })
    else if (isLive.has(node)) loads.set(node, loads.get(node)! + kpus)
  }
  if (live.length === 0) return assignments

  const homeless = view.demand.filter(({ application }) => {
    const node = placed.get(application)?.node
    return node === undefined || !isLive.has(node)
  })
  // The big ones first: the small ones then fill what is left.
  for (const { application, kpus } of [...homeless].sort(bySizeThenName)) {
    const before = placed.get(application)
    const lostZone = view.nodes.find(({ id }) => id === before?.node)?.zone
    const node = leastLoaded(elsewhere(live, lostZone), loads, kpus)
    loads.set(node.id, loads.get(node.id)! + kpus)
    assignments.push({ application, node: node.id, expectedEpoch: before?.epoch ?? 0 })
  }
  return assignments
}

function elsewhere(live: readonly KnownNode[], lostZone: string | undefined): readonly KnownNode[] {
  const others = live.filter(({ zone }) => zone !== lostZone)
  return others.length > 0 ? others : live
}

function leastLoaded(nodes: readonly KnownNode[], loads: ReadonlyMap<string, number>, kpus: number): KnownNode {
  const loadOf = ({ id, capacity }: KnownNode) => (loads.get(id)! + kpus) / Math.max(1, capacity)
  return nodes.reduce((best, node) => {
    const difference = loadOf(node) - loadOf(best)
    return difference < 0 || (difference === 0 && node.id < best.id) ? node : best
  })
}

type Sized = { readonly application: string; readonly kpus: number }

function bySizeThenName(a: Sized, b: Sized): number {
  return b.kpus - a.kpus || (a.application < b.application ? -1 : 1)
}
