import { json } from '@millrace/connectors/formats/json'
import { kinesis } from '@millrace/connectors/kinesis'
import { defineApplication, valueState, WatermarkStrategy } from 'millrace'

interface Numbered {
  readonly number: number
  readonly key: string
}

/**
 * Counts the records of a Kinesis stream by key and prints `number key count`. Property group `counts`: `stream`, `reader`
 * (`polling`), `hold.ms` (0): for so long each record holds its subtask's thread.
 */
export default defineApplication({
  name: 'stream-counts',
  build(env, { properties }) {
    const { stream = '', reader = 'polling', 'hold.ms': holdMs = '0' } = properties['counts'] ?? {}
    env
      .fromSource(
        kinesis<Numbered>({
          stream,
          format: json<Numbered>(),
          readerType: reader === 'fan-out' ? 'fan-out' : 'polling',
          initialPosition: 'TRIM_HORIZON',
        }),
        WatermarkStrategy.noWatermarks(),
        'numbered',
      )
      .uid('numbered')
      .keyBy(({ key }) => key)
      .process<string>(() => {
        const gate = new Int32Array(new SharedArrayBuffer(4))
        let seen: { value(): number | null; update(value: number): void }
        return {
          open(context) {
            seen = context.getState(valueState<number>('seen'))
          },
          processElement({ number, key }, _context, out) {
            if (holdMs !== '0') Atomics.wait(gate, 0, 0, Number(holdMs))
            const count = (seen.value() ?? 0) + 1
            seen.update(count)
            out.collect(`${number} ${key} ${count}`)
          },
        }
      })
      .uid('seen')
      .print()
  },
})
