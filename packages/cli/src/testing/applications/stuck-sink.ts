import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, type Sink, WatermarkStrategy } from 'millrace'

/** Its sink's snapshots never become durable when the first argument is `stuck`; without one it takes no checkpoints. */
const sink = (stuck: boolean): Sink<number> => ({
  name: 'stuck',
  guarantee: 'at-least-once',
  createWriter: () => ({
    open: async () => {},
    write() {},
    isWritable: () => true,
    snapshot: () => (stuck ? new Promise(() => {}) : Promise.resolve({ writerStates: [], committables: [] })),
    close: async () => {},
  }),
})

export default defineApplication({
  name: 'stuck-sink',
  build(env, { args }) {
    if (args.length > 0) env.enableCheckpointing(60_000)
    env
      .fromSource(
        datagen({ recordsPerSecond: 10, generate: (index) => index }),
        WatermarkStrategy.noWatermarks(),
        'ticks',
      )
      .uid('ticks')
      .sinkTo(sink(args[0] === 'stuck'))
      .uid('sink')
  },
})
