import { files } from '@millrace/connectors/files'
import { json } from '@millrace/connectors/formats/json'
import { kinesis } from '@millrace/connectors/kinesis'
import { defineApplication, WatermarkStrategy } from 'millrace'

/** Copies a Kinesis stream of JSON to files. Property group `copy`: `stream`, `path` (a folder or `s3://…`). */
export default defineApplication({
  name: 'stream-to-files',
  build(env, { properties }) {
    const { stream = '', path = '' } = properties['copy'] ?? {}
    env
      .fromSource(
        kinesis<object>({ stream, format: json<object>(), readerType: 'polling', initialPosition: 'TRIM_HORIZON' }),
        WatermarkStrategy.noWatermarks(),
        'stream',
      )
      .uid('stream')
      .sinkTo(files<object>({ path, format: json<object>() }))
      .uid('files')
  },
})
