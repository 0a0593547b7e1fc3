import { createHash, createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { percentile } from './service-figures.ts'

/*
 * Calls DescribeApplication, each call signed: settings as JSON in the first argument, the key in the environment. Prints
 * `begin`, and in the end a line of JSON. Signs by itself: the AWS SDK takes more of a core for a call than the node.
 */

export interface LoadSettings {
  readonly url: string
  /** The application's. */
  readonly name: string
  readonly seconds: number
  /** Calls a second, evenly; as many as are answered unless given. */
  readonly rate: number | undefined
  readonly connections: number
}

export interface LoadAnswer {
  readonly calls: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const REGION = 'us-east-1'
const SERVICE = 'kinesisanalytics'
const TARGET = 'KinesisAnalytics_20180523.DescribeApplication'
const CONTENT_TYPE = 'application/x-amz-json-1.1'
const SIGNED = 'content-type;host;x-amz-date;x-amz-target'
const TICK_MS = 2

const settings = JSON.parse(process.argv[2] as string) as LoadSettings
const { hostname, port, host } = new URL(settings.url)
const agent = new Agent({ keepAlive: true, maxSockets: settings.connections })
const body = Buffer.from(JSON.stringify({ ApplicationName: settings.name }))
const bodyHash = createHash('sha256').update(body).digest('hex')
const keys = new Map<string, Buffer>()
const latenciesMs: number[] = []

function signingKey(day: string): Buffer {
  let key = keys.get(day)
  if (key === undefined) {
    key = Buffer.from(`AWS4${process.env['AWS_SECRET_ACCESS_KEY']}`)
    for (const part of [day, REGION, SERVICE, 'aws4_request']) key = createHmac('sha256', key).update(part).digest()
    keys.set(day, key)
  }
  return key
}

function signedHeaders(): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const day = date.slice(0, 8)
  const headers = `content-type:${CONTENT_TYPE}\nhost:${host}\nx-amz-date:${date}\nx-amz-target:${TARGET}\n`
  const canonical = `POST\n/\n\n${headers}\n${SIGNED}\n${bodyHash}`
  const scope = `${day}/${REGION}/${SERVICE}/aws4_request`
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
  const signature = createHmac('sha256', signingKey(day)).update(text).digest('hex')
  const credential = `${process.env['AWS_ACCESS_KEY_ID']}/${scope}`
  return {
    'content-type': CONTENT_TYPE,
    'content-length': String(body.length),
    host,
    'x-amz-date': date,
    'x-amz-target': TARGET,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${SIGNED}, Signature=${signature}`,
  }
}

/** Resolves when the answer has been read; its latency counts from `dueMs`. */
function call(dueMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, agent, method: 'POST', path: '/', headers: signedHeaders() }, (response) => {
      const { statusCode } = response
      response.on('error', reject)
      response.on('end', () => {
        if (statusCode !== 200) reject(new Error(`DescribeApplication was answered with ${statusCode}`))
        latenciesMs.push(performance.now() - dueMs)
        resolve()
      })
      response.resume()
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function asMany(untilMs: number): Promise<void> {
  const loop = async (): Promise<void> => {
    while (performance.now() < untilMs) await call(performance.now())
  }
  await Promise.all(Array.from({ length: settings.connections }, loop))
}

async function atRate(rate: number, startedMs: number, untilMs: number): Promise<void> {
  const calls: Promise<void>[] = []
  for (let next = 0; ; await new Promise((resolve) => setTimeout(resolve, TICK_MS))) {
    const nowMs = performance.now()
    for (; startedMs + (1000 * next) / rate <= nowMs; next++) calls.push(call(startedMs + (1000 * next) / rate))
    if (nowMs >= untilMs) break
  }
  await Promise.all(calls)
}

process.stdout.write('begin\n')
const startedMs = performance.now()
const untilMs = startedMs + settings.seconds * 1000
if (settings.rate === undefined) await asMany(untilMs)
else await atRate(settings.rate, startedMs, untilMs)
const answer: LoadAnswer = {
  calls: latenciesMs.length,
  seconds: (performance.now() - startedMs) / 1000,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
}
process.stdout.write(`${JSON.stringify(answer)}\n`)
agent.destroy()
