import { parseArgs } from 'node:util'
import type { HttpProtocol } from '../producer/aws.ts'

/** What `npm start` was asked for. */
export interface StartOptions {
  readonly dir: string | undefined
  readonly transactions: number | undefined
  readonly rate: number
  readonly seed: number
  readonly exit: boolean
  readonly json: boolean
  readonly port: number | undefined
  readonly source: 'fan-out' | 'polling'
  readonly parallelism: number
  readonly threads: number
  readonly checkpointIntervalMs: number
  readonly throttling: boolean
  /** AWS-compatible services to use instead of our own endpoint: their address, or `aws` for what the SDK's environment says. */
  readonly endpoint: string | undefined
  /** How Kinesis is spoken to. */
  readonly httpProtocol: HttpProtocol
  /** Inside the service, which then runs the application. */
  readonly managed: boolean
  /** Where outputs and checkpoints go instead of the directory: `s3://bucket/prefix`. */
  readonly output: string | undefined
}

export const usage = `Runs the fraud application: transactions through the Kinesis API, alerts through SNS, files exactly once.

  npm start -- [options]

  --transactions N         put N transactions (default: until stopped)
  --rate R                 transactions a second (default 1000)
  --seed S                 seed of the transactions (default 1)
  --exit                   end when all of N are processed, with a comparison against the oracle
  --json                   one JSON object as the last line of standard output
  --dir DIR                where everything lives (default ./.millrace/fraud; with --exit a fresh directory)
  --port N                 port of the endpoint (default 7700, or the next free one)
  --source fan-out|polling how the stream is read (default fan-out)
  --parallelism N          subtasks (default 2)
  --checkpoint-interval MS time between checkpoints (default 1000)
  --direct                 the application as a child of this process instead of inside the service; so it is with
                           --endpoint, --threads and a checkpoint interval below the service's 1000 ms, too
  --threads N              its threads (default 2); the service takes one for each core and subtask
  --no-throttle            no AWS quotas at our own endpoint
  --endpoint URL|aws       AWS-compatible services instead of our own endpoint; aws: those of the SDK's environment and
                           profile. AWS_ENDPOINT_URL_KINESIS, _SNS and _S3 give a service an address of its own
  --http-protocol P        http2 (default) or http1.1, for Kinesis endpoints whose HTTP/2 is incomplete
  --output s3://…          outputs and checkpoints on S3 instead of the directory; needs --endpoint
  --help
`

const optionTypes = {
  transactions: { type: 'string' },
  rate: { type: 'string', default: '1000' },
  seed: { type: 'string', default: '1' },
  exit: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  dir: { type: 'string' },
  port: { type: 'string' },
  source: { type: 'string', default: 'fan-out' },
  parallelism: { type: 'string', default: '2' },
  threads: { type: 'string' },
  direct: { type: 'boolean', default: false },
  'checkpoint-interval': { type: 'string', default: '1000' },
  'no-throttle': { type: 'boolean', default: false },
  endpoint: { type: 'string' },
  'http-protocol': { type: 'string', default: 'http2' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

/** Throws with one line that says what is wrong; `undefined` when only help was asked for. */
export function parseStartOptions(args: readonly string[]): StartOptions | undefined {
  const { values } = parseArgs({ args: [...args], options: optionTypes })
  if (values.help) return undefined
  const whole = (name: string, text: string, least: number): number => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least)
      throw new Error(`--${name} must be a whole number of at least ${least}`)
    return value
  }
  const optional = (name: 'transactions' | 'port', least: number): number | undefined => {
    const text = values[name]
    return text === undefined ? undefined : whole(name, text, least)
  }
  const { source } = values
  if (source !== 'fan-out' && source !== 'polling') throw new Error('--source must be fan-out or polling')
  const { 'http-protocol': httpProtocol, output } = values
  if (httpProtocol !== 'http2' && httpProtocol !== 'http1.1')
    throw new Error('--http-protocol must be http2 or http1.1')
  const endpoint = values.endpoint ?? endpointOf(process.env)
  if (output !== undefined && !/^s3:\/\/[^/]+/.test(output)) throw new Error('--output must be s3://bucket/prefix')
  if (output !== undefined && endpoint === undefined)
    throw new Error("--output needs --endpoint too: our own endpoint's credentials are no good for S3")
  const transactions = optional('transactions', 1)
  if (values.exit && transactions === undefined) throw new Error('--exit needs --transactions N')
  const checkpointIntervalMs = whole('checkpoint-interval', values['checkpoint-interval'], 10)
  const isDirect = values.direct || endpoint !== undefined || values.threads !== undefined
  return {
    dir: values.dir,
    transactions,
    rate: whole('rate', values.rate, 1),
    seed: whole('seed', values.seed, 0),
    exit: values.exit,
    json: values.json,
    port: optional('port', 0),
    source,
    parallelism: whole('parallelism', values.parallelism, 1),
    threads: whole('threads', values.threads ?? '2', 0),
    checkpointIntervalMs,
    managed: !isDirect && checkpointIntervalMs >= 1000,
    throttling: !values['no-throttle'],
    endpoint,
    httpProtocol,
    output: output?.replace(/\/+$/, ''),
  }
}

/** Whoever names services in the environment means to use them. */
function endpointOf(environment: NodeJS.ProcessEnv): string | undefined {
  const isNamed = environment['AWS_ENDPOINT_URL_KINESIS'] !== undefined
  return environment['AWS_ENDPOINT_URL'] ?? (isNamed ? 'aws' : undefined)
}
