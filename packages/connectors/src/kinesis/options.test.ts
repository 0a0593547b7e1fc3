import { describe, expect, test } from 'vitest'
import { kinesis } from './source.ts'

const format = { decode: () => 1 }
const attempt = (options: object): unknown => {
  try {
    return kinesis({ stream: 'orders', format, ...options } as never)
  } catch (error) {
    return error
  }
}

describe('options of the Kinesis source', () => {
  test.each([
    {
      it: 'an unknown one names near ones',
      options: { initalPosition: 'LATEST' },
      code: 'OPTION_UNKNOWN',
      says: /initalPosition/,
      hint: /'initialPosition'/,
    },
    {
      it: 'an unknown one of aws',
      options: { aws: { endPoint: 'http://x' } },
      code: 'OPTION_UNKNOWN',
      says: /'aws'.*endPoint/,
      hint: /'endpoint'/,
    },
    {
      it: 'a far-off one lists all',
      options: { zzzzzz: 1 },
      code: 'OPTION_UNKNOWN',
      says: /zzzzzz/,
      hint: /stream, streamArn, format/,
    },
    { it: 'a wrong reader type', options: { readerType: 'EFO' }, code: 'OPTION_INVALID', says: /'polling', 'fan-out'/ },
    {
      it: 'a start position that is none',
      options: { initialPosition: { atTimestampMs: 'noon' } },
      code: 'OPTION_INVALID',
      says: /atTimestampMs/,
    },
    {
      it: 'a limit beyond the service',
      options: { maxRecordsPerFetch: 10_001 },
      code: 'OPTION_INVALID',
      says: /from 1 to 10000/,
    },
    { it: 'no format', options: { format: undefined }, code: 'OPTION_INVALID', says: /'format' must be a format/ },
    { it: 'no stream', options: { stream: undefined }, code: 'OPTION_INVALID', says: /'stream' or its ARN/ },
    {
      it: 'two streams',
      options: { streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/a' },
      code: 'OPTION_INVALID',
      says: /not both/,
    },
    {
      it: 'an ARN of something else',
      options: { stream: undefined, streamArn: 'arn:aws:sns:us-east-1:000000000000:topic' },
      code: 'OPTION_INVALID',
      says: /stream's ARN/,
    },
    {
      it: 'no ARN at all',
      options: { stream: undefined, streamArn: 'orders' },
      code: 'AWS_ARN_INVALID',
      says: /'orders'/,
    },
    { it: 'an impossible stream name', options: { stream: 'a b' }, code: 'OPTION_INVALID', says: /characters/ },
    {
      it: 'a self-managed consumer without name',
      options: { consumerLifecycle: 'self-managed' },
      code: 'OPTION_INVALID',
      says: /consumerName/,
    },
    {
      it: 'half credentials',
      options: { aws: { credentials: { accessKeyId: 'a' } } },
      code: 'OPTION_INVALID',
      says: /secretAccessKey/,
    },
    {
      it: 'an endpoint that is no address',
      options: { aws: { endpoint: 'localhost:7700' } },
      code: 'OPTION_INVALID',
      says: /http:\/\//,
    },
  ])('$it is refused', ({ options, code, says, hint }) => {
    const error = attempt(options) as { code: string; kind: string; message: string; hint: string | undefined }
    expect(error).toMatchObject({ code, kind: 'invalid' })
    expect(error.message).toMatch(says)
    if (hint !== undefined) expect(error.hint).toMatch(hint)
  })

  test('a stream by ARN is named by its name', () => {
    expect(
      attempt({ stream: undefined, streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/clicks' }),
    ).toMatchObject({
      name: 'Kinesis clicks',
      boundedness: 'unbounded',
      reassignSplitsOnRestore: true,
    })
  })

  test('credentials of an SDK provider, with more members, are taken', () => {
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b', expiration: new Date(0), $source: {} }
    expect(attempt({ aws: { credentials } })).toMatchObject({ name: 'Kinesis orders' })
  })
})
