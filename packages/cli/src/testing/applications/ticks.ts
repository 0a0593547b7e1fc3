import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, valueState, WatermarkStrategy } from 'millrace'

/**
 * Counts ticks by key and prints every count. Arguments: how many ticks, how many a second, and the tick that fails.
 * Property group `ticks`: `prefix` stands before each line.
 */
export default defineApplication({
  name: 'ticks',
  build(env, { args, properties }) {
    const [count = '100', rate = '1000', failing = '-1'] = args
    const prefix = properties['ticks']?.['prefix'] ?? ''
    env.enableCheckpointing(100).setRestartStrategy({ kind: 'fixed-delay', attempts: 1, delayMs: 1 })
    env
      .fromSource(
        datagen({ count: Number(count), recordsPerSecond: Number(rate), generate: (index) => index }),
        WatermarkStrategy.noWatermarks(),
        'ticks',
      )
      .uid('ticks')
      .map(refuse(Number(failing)))
      .keyBy((tick) => tick % 2)
      .process<string>(() => {
        let seen: { value(): number | null; update(value: number): void }
        return {
          open(context) {
            seen = context.getState(valueState<number>('seen'))
          },
          processElement(tick, _context, out) {
            const number = (seen.value() ?? 0) + 1
            seen.update(number)
            out.collect(`${prefix}${tick}:${number}`)
          },
        }
      })
      .uid('seen')
      .print()
  },
})

function refuse(failing: number): (tick: number) => number {
  return (tick) => {
    if (tick === failing) throw new RangeError(`tick ${tick} is refused`)
    return tick
  }
}
