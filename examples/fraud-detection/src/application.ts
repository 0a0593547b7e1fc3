import { eventTimeBuckets, files } from '@millrace/connectors/files'
import { json } from '@millrace/connectors/formats/json'
import { type KinesisRecord, kinesisRecords } from '@millrace/connectors/kinesis'
import { sns } from '@millrace/connectors/sns'
import { defineApplication, outputTag, TumblingEventTimeWindows, WatermarkStrategy } from '@millrace/engine'
import { flaggedTag, JudgeCards, tooOldTag } from './judge-cards.ts'
import { sumAmounts, TOTALS_WINDOW_MS, totalRow } from './merchant-totals.ts'
import { type FlaggedRow, logged, malformedRow, unflagged } from './rows.ts'
import { fraudSettings } from './settings.ts'
import { decodeTransaction, type LoggedTransaction, type Transaction } from './transaction.ts'

/** How far behind the newest a transaction may come and still be counted in its window. */
const DISORDER_MS = 10_000
/** A shard without a transaction for that long doesn't hold event time back. */
const IDLE_MS = 5_000

/** Judges card payments as they arrive. What comes out of it is described in README.md. */
export default defineApplication({
  name: 'fraud-detection',
  build(env, { properties }) {
    const { stream, reader, output, topicArn, checkpointIntervalMs, aws } = fraudSettings(properties)
    env.enableCheckpointing(checkpointIntervalMs)

    const records = env
      .fromSource(
        kinesisRecords({
          stream,
          format: { decode: decodeTransaction },
          readerType: reader,
          initialPosition: 'TRIM_HORIZON',
          // Each log record is judged as it is, not what it may hold.
          deaggregate: false,
          onMalformed: 'dead-letter',
          aws,
        }),
        WatermarkStrategy.forBoundedOutOfOrderness<KinesisRecord<Transaction>>(DISORDER_MS)
          .withTimestampAssigner((record) => record.value.timestampMs)
          .withIdleness(IDLE_MS),
        'transactions',
      )
      .uid('transactions')

    const safe = records
      .map(logged)
      .keyBy((transaction) => transaction.card)
      .process(() => new JudgeCards())
      .name('Judge')
      .uid('judge')
    const flagged = safe.getSideOutput(flaggedTag)
    const rejected = safe.getSideOutput(tooOldTag).union(records.deadLetters().map(malformedRow))

    const lateTag = outputTag<LoggedTransaction>('late')
    const totals = safe
      .union(flagged.map(unflagged))
      .keyBy((transaction) => transaction.merchant)
      .window(TumblingEventTimeWindows.of(TOTALS_WINDOW_MS))
      .sideOutputLateData(lateTag)
      .aggregate(sumAmounts, totalRow)
      .name('Totals')
      .uid('totals')

    const folder = <T>(name: string) =>
      files<T>({ path: `${output}/${name}`, format: json<T>(), bucket: eventTimeBuckets() })
    safe.sinkTo(folder('safe')).uid('safe')
    flagged.sinkTo(folder('flagged')).uid('flagged')
    rejected.sinkTo(folder('rejected')).uid('rejected')
    totals.sinkTo(folder('totals')).uid('totals-files')
    totals.getSideOutput(lateTag).sinkTo(folder('late')).uid('late')
    if (topicArn === undefined) return
    flagged.sinkTo(sns<FlaggedRow>({ topicArn, id: (row) => `${row.shard}:${row.sequenceNumber}`, aws })).uid('alerts')
  },
})
