import { failOver } from '../test/e2e/fail-over.ts'
import type { Report } from './figures.ts'
import { note, reportWorst, type ServiceBenchOptions } from './service-figures.ts'

const BAR_SECONDS = 15

/**
 * A node is lost, of two in two zones, under 2,000 transactions a second: killed with its job, killed as the leader, stopped.
 * Until the other zone has processed a record; what came of all transactions is checked. Not in a quick run: `npm test`
 * has it as the scenario fail-over.
 */
export async function measureNodeLoss(report: Report, { quick }: ServiceBenchOptions): Promise<void> {
  if (quick) return
  const figures = await failOver(note)
  const measured = ['ownerKilledMs', 'leaderKilledMs', 'nodeStoppedMs'].flatMap((name) => {
    const value = figures[name]
    return typeof value === 'number' ? [value / 1000] : []
  })
  reportWorst(report, 'loss of a node to the next record in the other zone', 's', measured, BAR_SECONDS)
}
