import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { silentLogger } from '@millrace/engine/spi'
import { afterEach, expect, test } from 'vitest'
import { CloudWatchPush, putMetricData } from './cloudwatch-push.ts'
import type { MetricPoint } from './metric-point.ts'

const START = 1_700_000_040_000

function point(timestampMs: number, value: number, parallelism = '0'): MetricPoint {
  const dimensions = { Application: 'orders', Task: 'Größe ->\n', Parallelism: parallelism }
  return { name: 'numRecordsIn', level: 'PARALLELISM', dimensions, unit: 'Count', timestampMs, value }
}

function recording(fails: () => boolean = () => false) {
  const batches: (readonly MetricDatum[])[] = []
  const push = new CloudWatchPush(async (data) => {
    batches.push(data)
    if (fails()) throw new Error('planted')
  }, silentLogger)
  const counted = (name: string, outcome?: string) =>
    push
      .families()
      .find((family) => family.name === `millrace_cloudwatch_${name}_total`)
      ?.samples.find(({ labels }) => labels['outcome'] === outcome)?.value
  return { batches, push, counted }
}

test('a minute is one statistic set a series, sent when it is over', async () => {
  const { batches, push, counted } = recording()
  for (const [i, value] of [5, 1, 3].entries()) push.offer([point(START + i * 10_000, value)])
  expect(batches).toEqual([])
  push.offer([point(START + 60_000, 9)])
  await push.settled()
  expect(batches).toEqual([
    [
      {
        MetricName: 'numRecordsIn',
        Dimensions: [
          { Name: 'Application', Value: 'orders' },
          { Name: 'Task', Value: 'Gr??e ->?' },
          { Name: 'Parallelism', Value: '0' },
        ],
        Timestamp: new Date(START - (START % 60_000)),
        Unit: 'Count',
        StatisticValues: { SampleCount: 3, Sum: 9, Minimum: 1, Maximum: 5 },
      },
    ],
  ])
  expect(counted('data', 'sent')).toBe(1)
})

test('at most a thousand in a call', async () => {
  const { batches, push } = recording()
  push.offer(Array.from({ length: 2500 }, (_, i) => point(START, i, String(i))))
  push.flush()
  await push.settled()
  expect(batches.map(({ length }) => length)).toEqual([1000, 1000, 500])
})

test('failures are counted and what failed is dropped; the next minute is tried again', async () => {
  let failing = true
  const { push, counted } = recording(() => failing)
  push.offer([point(START, 1)])
  push.flush()
  await push.settled()
  failing = false
  push.offer([point(START + 60_000, 1)])
  push.flush()
  await push.settled()
  expect([counted('failures'), counted('data', 'dropped'), counted('data', 'sent')]).toEqual([1, 1, 1])
})

test('an endpoint that hangs doesn’t make memory grow: the oldest batches go', async () => {
  let release = () => {}
  const hanging = new Promise<void>((resolve) => {
    release = resolve
  })
  const sent: MetricDatum[] = []
  const push = new CloudWatchPush(async (data) => {
    await hanging
    sent.push(...data)
  }, silentLogger)
  for (let minute = 0; minute < 50; minute++) push.offer([point(START + minute * 60_000, minute)])
  push.flush()
  release()
  await push.settled()
  // One was under way, twenty waited.
  expect(sent.map(({ StatisticValues }) => StatisticValues?.Sum)).toEqual([
    0,
    ...Array.from({ length: 20 }, (_, i) => 30 + i),
  ])
})

let server: Server | undefined
afterEach(() => void server?.close())

test('by the AWS SDK: compressed JSON to the endpoint; a passing failure is tried again', async () => {
  const requests: { headers: IncomingHttpHeaders; body: { Namespace: string; MetricData: unknown[] } }[] = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const isZipped = request.headers['content-encoding'] === 'gzip'
      requests.push({ headers: request.headers, body: JSON.parse(String(isZipped ? gunzipSync(bytes) : bytes)) })
      response.writeHead(requests.length === 1 ? 503 : 200, { 'content-type': 'application/x-amz-json-1.0' })
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const push = new CloudWatchPush(putMetricData({ url, region: 'us-east-1', credentials }), silentLogger)
  push.offer(Array.from({ length: 300 }, (_, i) => point(START, i, String(i))))
  push.flush()
  await push.settled()
  expect(requests).toHaveLength(2)
  const { headers, body } = requests[1]!
  expect(headers['x-amz-target']).toMatch(/\.PutMetricData$/)
  expect(headers['content-encoding']).toBe('gzip')
  expect(headers.authorization).toContain('/us-east-1/monitoring/aws4_request')
  expect(body.Namespace).toBe('AWS/KinesisAnalytics')
  expect(body.MetricData).toHaveLength(300)
  const sent = push.families()[0]?.samples.find(({ labels }) => labels['outcome'] === 'sent')
  expect(sent?.value).toBe(300)
})
