import { blackhole } from '@millrace/connectors/blackhole'
import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, type ValueState, valueState, WatermarkStrategy } from '@millrace/engine'

const VALUE_CHARACTERS = 1000

/**
 * Keeps a value of a kilobyte for each of so many keys. Property group `state`: `keys`, and `rate`, records a second
 * over all of them, one key after the other.
 */
export default defineApplication({
  name: 'bench-state',
  build(env, { properties }) {
    const { keys = '100000', rate = '50000' } = properties['state'] ?? {}
    const held = valueState<string>('held')
    env
      .fromSource(
        datagen({
          recordsPerSecond: Number(rate),
          generate: (index) => ({ key: index % Number(keys), round: Math.floor(index / Number(keys)) }),
        }),
        WatermarkStrategy.noWatermarks(),
        'numbers',
      )
      .uid('numbers')
      .keyBy(({ key }) => key)
      .process<number>(() => {
        let state: ValueState<string>
        return {
          open(context) {
            state = context.getState(held)
          },
          processElement({ key, round }, _context, out) {
            // A key is seen in every round: one that was lost shows in the next.
            const before = state.value()
            if (round > 0 && before === null) throw new Error(`the value of key ${key} is lost in round ${round}`)
            state.update(`${key}:`.padEnd(VALUE_CHARACTERS, 'x'))
            out.collect(key)
          },
        }
      })
      .uid('held')
      .sinkTo(blackhole())
  },
})
