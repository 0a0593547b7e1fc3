import { datagen } from '@millrace/connectors/datagen'
import { files } from '@millrace/connectors/files'
import { json } from '@millrace/connectors/formats/json'
import { defineApplication, TumblingEventTimeWindows, valueState, WatermarkStrategy } from 'millrace'

interface Reading {
  readonly index: number
  readonly key: string
  readonly timestampMs: number
}

/**
 * Numbers the readings of each key, and counts them by key and window: wrong state shows as a number that is missing or
 * there twice, a lost timer as a missing window. Arguments: output folder, count, records a second, and what is changed.
 */
export default defineApplication({
  name: 'keyed-counts',
  build(env, { args }) {
    const [output = 'out', count = '1000', rate = '1000', changed = ''] = args
    env.enableCheckpointing(200)
    const readings = env
      .fromSource(
        datagen<Reading>({
          count: Number(count),
          recordsPerSecond: Number(rate),
          splits: 4,
          generate: (index, random) => ({ index, key: `key-${random.int(0, 99)}`, timestampMs: index }),
          timestampOf: ({ timestampMs }) => timestampMs,
        }),
        WatermarkStrategy.forMonotonousTimestamps(),
        'readings',
      )
      .uid('readings')
    const byKey = readings.keyBy(({ key }) => key)
    byKey
      .process<{ key: string; number: number }>(() => {
        let last: { value(): number | null; update(value: number): void }
        return {
          open(context) {
            last = context.getState(valueState<number>('last'))
          },
          processElement({ key }, _context, out) {
            const number = (last.value() ?? 0) + 1
            last.update(number)
            out.collect({ key, number })
          },
        }
      })
      .uid(changed === 'uid' ? 'numbering' : 'numbers')
      .sinkTo(files({ path: `${output}/numbers`, format: json() }))
      .uid('numbers-files')
    byKey
      .window(TumblingEventTimeWindows.of(500))
      .aggregate<number, number, { key: string; fromMs: number; count: number }>(
        { createAccumulator: () => 0, add: (_reading, sum) => sum + 1, getResult: (sum) => sum },
        (key, window, sum, out) => out.collect({ key, fromMs: window.startMs, count: sum }),
      )
      .uid('windows')
      .sinkTo(files({ path: `${output}/windows`, format: json() }))
      .uid('windows-files')
  },
})
