import { openSync, writeSync } from 'node:fs'
import { blackhole } from '@millrace/connectors/blackhole'
import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, WatermarkStrategy } from 'millrace'

/**
 * Logs and prints a line a record, as many as the first argument says, and then writes a byte into the file that the second
 * one names: how many lines there must be, whatever ends it. A third
 * one is the lines a second.
 */
export default defineApplication({
  name: 'log-burst',
  build(env, { args: [lines = '', file = '', rate] }) {
    env
      .fromSource(
        datagen({
          count: Number(lines),
          generate: (index) => index,
          ...(rate === undefined ? {} : { recordsPerSecond: Number(rate) }),
        }),
        WatermarkStrategy.noWatermarks(),
        'numbers',
      )
      .uid('numbers')
      .keyBy(() => 0)
      .process<number>(() => {
        let descriptor: number
        let line = 0
        let logger: { info(message: string, fields?: Record<string, unknown>): void }
        return {
          open(context) {
            descriptor = openSync(file, 'a')
            logger = context.logger
          },
          processElement(number, _context, out) {
            logger.info('line', { number: line, text: 'x'.repeat(300) })
            console.log(`line ${line++}`)
            writeSync(descriptor, '.')
            out.collect(number)
          },
        }
      })
      .uid('lines')
      .sinkTo(blackhole())
  },
})
