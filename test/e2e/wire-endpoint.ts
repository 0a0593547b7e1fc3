import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KinesisClient } from '@aws-sdk/client-kinesis'

/** An endpoint in a process of its own. */
export interface EndpointProcess {
  readonly url: string
  readonly port: number
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** A client of the AWS SDK for JavaScript: HTTP/2, one attempt. */
  client(change?: { accessKeyId?: string; secretAccessKey?: string; clockOffsetMs?: number }): KinesisClient
  /** Resident memory in MiB, where the system tells it. */
  residentMiB(): Promise<number>
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>
}

export async function startEndpointProcess(dataDirectory: string, settings: object = {}): Promise<EndpointProcess> {
  const entry = resolve('packages/service/src/endpoint-process-fixture.ts')
  const options = ['--conditions=millrace-source', '--import', 'tsx', entry]
  const child = spawn(process.execPath, [...options, JSON.stringify({ dataDirectory, ...settings })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await Promise.race([once(child.stdout, 'data'), exitOf(child)])) as [Buffer]
  const { url, ...credentials } = JSON.parse(line.toString())
  return {
    url,
    port: Number(new URL(url).port),
    credentials,
    client: ({ clockOffsetMs = 0, ...change } = {}) =>
      new KinesisClient({
        endpoint: url,
        region: 'us-east-1',
        credentials: { ...credentials, ...change },
        maxAttempts: 1,
        systemClockOffset: clockOffsetMs,
      }),
    residentMiB: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}

async function exitOf(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`the endpoint ended with code ${code} before it was ready`)
}

/** A signed HTTP/1.1 request as bytes: for what no SDK can be made to send. */
export function signedRequest(
  endpoint: EndpointProcess,
  operation: string,
  body: string,
  change: { readonly sentBody?: string; readonly contentLength?: number } = {},
): string {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kinesis/aws4_request`
  const target = `Kinesis_20131202.${operation}`
  const headers = `host:127.0.0.1:${endpoint.port}\nx-amz-date:${date}\nx-amz-target:${target}\n`
  const names = 'host;x-amz-date;x-amz-target'
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(`POST\n/\n\n${headers}\n${names}\n${sha256(body)}`)}`
  let key: Buffer | string = `AWS4${endpoint.credentials.secretAccessKey}`
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  const credential = `${endpoint.credentials.accessKeyId}/${scope}`
  const sent = change.sentBody ?? body
  return (
    `POST / HTTP/1.1\r\n${headers.replaceAll('\n', '\r\n')}content-type: application/x-amz-json-1.1\r\n` +
    `content-length: ${change.contentLength ?? Buffer.byteLength(sent)}\r\n` +
    `authorization: AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}\r\n\r\n${sent}`
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
