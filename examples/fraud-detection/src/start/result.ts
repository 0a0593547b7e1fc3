import type { FraudRun, OracleAnswer } from './fraud-run.ts'
import type { ProducerFigures } from './producer-process.ts'

/** What a run with `--exit --json` prints as its last line. */
export interface RunResult {
  readonly sent: number
  /** Distinct transactions. */
  readonly acknowledged: number
  /** Transactions that the producer's retries put into the log twice. */
  readonly producerRetried: number
  readonly safe: number
  readonly flagged: number
  readonly rejected: number
  readonly alerts: number
  /** Acknowledged positions in none of the outputs. */
  readonly lost: number
  /** Positions that are there more than once. */
  readonly duplicated: number
  readonly planted: number
  readonly plantedFound: number
  readonly oracle: { readonly equal: boolean; readonly differences: number }
  readonly latencyMs: ProducerFigures['latencyMs']
  readonly checkpoints: number
  readonly restarts: number
  readonly dir: string
}

export function runResult(run: FraudRun, producer: ProducerFigures, oracle: OracleAnswer): RunResult {
  return {
    sent: producer.sent,
    acknowledged: oracle.acknowledged,
    producerRetried: oracle.producerRetried,
    safe: oracle.safe,
    flagged: oracle.flagged,
    rejected: oracle.rejected,
    alerts: producer.alerts,
    lost: oracle.lost,
    duplicated: oracle.duplicated,
    planted: oracle.planted,
    plantedFound: oracle.plantedFound,
    oracle: { equal: oracle.equal, differences: oracle.differences },
    latencyMs: producer.latencyMs,
    checkpoints: run.checkpoints,
    restarts: run.restarts,
    dir: run.settings.dir,
  }
}

/** Whether nothing was lost or doubled, and the outputs are what the oracle makes of the log. */
export function isGood({ lost, duplicated, oracle, planted, plantedFound }: RunResult): boolean {
  return lost === 0 && duplicated === 0 && oracle.equal && plantedFound === planted
}
