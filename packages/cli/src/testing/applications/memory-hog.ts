import { blackhole } from '@millrace/connectors/blackhole'
import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, WatermarkStrategy } from 'millrace'

/** Keeps everything it sees, and more of it than there is heap. */
export default defineApplication({
  name: 'memory-hog',
  build(env) {
    const kept: number[][] = []
    env
      .fromSource(datagen({ generate: (index) => index }), WatermarkStrategy.noWatermarks(), 'ticks')
      .map((tick) => kept.push(Array.from({ length: 10_000 }, (_, i) => tick + i / 3)))
      .sinkTo(blackhole())
  },
})
