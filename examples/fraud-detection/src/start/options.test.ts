import { afterEach, expect, test, vi } from 'vitest'
import { parseStartOptions } from './options.ts'

afterEach(() => vi.unstubAllEnvs())

test.each([
  { it: 'our own services', args: [], env: {}, endpoint: undefined },
  {
    it: 'an address',
    args: ['--endpoint', 'http://h:1'],
    env: { AWS_ENDPOINT_URL: 'http://h:2' },
    endpoint: 'http://h:1',
  },
  { it: "the environment's address", args: [], env: { AWS_ENDPOINT_URL: 'http://h:2' }, endpoint: 'http://h:2' },
  { it: "a service's address", args: [], env: { AWS_ENDPOINT_URL_KINESIS: 'http://h:3' }, endpoint: 'aws' },
])('runs with $it', ({ args, env, endpoint }) => {
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_KINESIS']) vi.stubEnv(name, undefined)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  expect(parseStartOptions(args)?.endpoint).toBe(endpoint)
})

test.each([
  { args: [], managed: true },
  { args: ['--checkpoint-interval', '1000', '--parallelism', '4'], managed: true },
  { args: ['--direct'], managed: false },
  { args: ['--threads', '1'], managed: false },
  { args: ['--checkpoint-interval', '999'], managed: false },
  { args: ['--endpoint', 'http://h:1'], managed: false },
])('$args inside the service: $managed', ({ args, managed }) => {
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_KINESIS']) vi.stubEnv(name, undefined)
  expect(parseStartOptions(args)?.managed).toBe(managed)
})

test('an S3 output loses its last slash', () => {
  const options = parseStartOptions(['--endpoint', 'aws', '--output', 's3://bucket/prefix/'])
  expect(options?.output).toBe('s3://bucket/prefix')
})

test.each([
  { args: ['--output', 's3://bucket'], problem: '--output needs --endpoint' },
  { args: ['--endpoint', 'aws', '--output', '/folder'], problem: '--output must be s3://bucket/prefix' },
  { args: ['--http-protocol', 'http3'], problem: '--http-protocol must be http2 or http1.1' },
  { args: ['--exit'], problem: '--exit needs --transactions' },
])('refuses $args', ({ args, problem }) => {
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_KINESIS']) vi.stubEnv(name, undefined)
  expect(() => parseStartOptions(args)).toThrow(problem)
})
