import { EngineError, type PropertyGroups } from '@millrace/engine'

/** Id of the property group that the application reads. */
export const PROPERTY_GROUP = 'fraud'

type HttpProtocol = 'http1.1' | 'http2'

/** The application's properties, with their defaults. */
export interface FraudSettings {
  /** `stream`: name of the Kinesis stream. */
  readonly stream: string
  /** `reader`: `fan-out`, or `polling`. */
  readonly reader: 'fan-out' | 'polling'
  /** `output`: folder of the files, a path or a URL; needed. */
  readonly output: string
  /** `topic.arn`: where alerts go; no alerts unless set. */
  readonly topicArn: string | undefined
  /** `checkpoint.interval.ms` */
  readonly checkpointIntervalMs: number
  /**
   * `aws.endpoint`, `aws.region`: from the SDK's environment unless set. `aws.http.protocol` of fan-out: `http2` unless
   * set to `http1.1`, for endpoints whose HTTP/2 is incomplete.
   */
  readonly aws: { readonly endpoint?: string; readonly region?: string; readonly httpProtocol?: HttpProtocol }
}

const known = [
  'stream',
  'reader',
  'output',
  'topic.arn',
  'checkpoint.interval.ms',
  'aws.endpoint',
  'aws.region',
  'aws.http.protocol',
]

/** Throws `PROPERTY_INVALID`. */
export function fraudSettings(properties: PropertyGroups): FraudSettings {
  const group = properties[PROPERTY_GROUP] ?? {}
  const unknown = Object.keys(group).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`there is no property '${unknown}'; there are ${known.join(', ')}`)
  const { stream = 'transactions', reader = 'fan-out', output } = group
  const checkpointIntervalMs = Number(group['checkpoint.interval.ms'] ?? 1000)
  if (output === undefined) throw invalid("property 'output' is missing: the folder to write to")
  if (reader !== 'fan-out' && reader !== 'polling')
    throw invalid(`property 'reader' is '${reader}', not fan-out or polling`)
  if (!Number.isSafeInteger(checkpointIntervalMs)) throw invalid("property 'checkpoint.interval.ms' is no whole number")
  const endpoint = group['aws.endpoint']
  const region = group['aws.region']
  const httpProtocol = group['aws.http.protocol']
  if (httpProtocol !== undefined && httpProtocol !== 'http1.1' && httpProtocol !== 'http2')
    throw invalid(`property 'aws.http.protocol' is '${httpProtocol}', not http2 or http1.1`)
  return {
    stream,
    reader,
    output: output.replace(/\/+$/, ''),
    topicArn: group['topic.arn'],
    checkpointIntervalMs,
    aws: {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(httpProtocol === undefined ? {} : { httpProtocol }),
    },
  }
}

function invalid(problem: string): EngineError {
  return new EngineError('PROPERTY_INVALID', {
    kind: 'invalid',
    message: `Property group '${PROPERTY_GROUP}': ${problem}.`,
    hint: 'See README.md of examples/fraud-detection.',
  })
}
