import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, valueState, WatermarkStrategy } from 'millrace'

/**
 * Counts ticks by key and prints `prefix tick:count`. Property group `counting`: `count` ticks (a million), `rate` a
 * second (200), `prefix`, `failing` (the tick that always fails), `broken` (`build` fails), `farewell` (printed by each key
 * when event time ends).
 */
export default defineApplication({
  name: 'counting',
  build(env, { properties }) {
    const {
      count = '1000000',
      rate = '200',
      prefix = '',
      failing = '-1',
      broken,
      farewell,
    } = properties['counting'] ?? {}
    if (broken !== undefined) throw new Error(`broken on purpose: ${broken}`)
    env
      .fromSource(
        datagen({ count: Number(count), recordsPerSecond: Number(rate), generate: (index) => index }),
        WatermarkStrategy.noWatermarks(),
        'ticks',
      )
      .uid('ticks')
      .map((tick) => {
        if (tick === Number(failing)) throw new RangeError(`tick ${tick} is refused`)
        return tick
      })
      .keyBy((tick) => tick % 2)
      .process<string>(() => {
        let seen: { value(): number | null; update(value: number): void }
        return {
          open(context) {
            seen = context.getState(valueState<number>('seen'))
          },
          processElement(tick, context, out) {
            if (farewell !== undefined) context.timers.registerEventTimeTimer(Number.MAX_SAFE_INTEGER)
            const number = (seen.value() ?? 0) + 1
            seen.update(number)
            out.collect(`${prefix}${tick}:${number}`)
          },
          onTimer(_timestampMs, _context, out) {
            out.collect(farewell ?? '')
          },
        }
      })
      .uid('seen')
      .print()
  },
})
