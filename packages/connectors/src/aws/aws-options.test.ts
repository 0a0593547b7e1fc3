import { expect, test } from 'vitest'
import { profileFor, resolveEndpoint, resolveRegion } from './aws-options.ts'

test.each([
  { it: 'the option', options: { region: 'a' }, environment: { AWS_REGION: 'b' }, region: 'a' },
  { it: 'AWS_REGION', options: {}, environment: { AWS_REGION: 'b', AWS_DEFAULT_REGION: 'c' }, region: 'b' },
  { it: 'AWS_DEFAULT_REGION', options: {}, environment: { AWS_DEFAULT_REGION: 'c' }, region: 'c' },
  { it: "the ARN's", options: {}, environment: {}, region: 'eu-west-1' },
])('the region is $it first', ({ options, environment, region }) => {
  expect(resolveRegion(options, 'arn:aws:kinesis:eu-west-1:123456789012:stream/clicks', environment)).toBe(region)
})

test('without any the SDK decides', () => {
  expect(resolveRegion({}, undefined, {})).toBeUndefined()
})

const both = { AWS_ENDPOINT_URL_SNS: 'http://sns', AWS_ENDPOINT_URL: 'http://all' }

test.each([
  { it: 'the option', options: { endpoint: 'http://option' }, environment: both, endpoint: 'http://option' },
  { it: "the service's own variable", options: {}, environment: both, endpoint: 'http://sns' },
  {
    it: 'the variable for all',
    options: {},
    environment: { ...both, AWS_ENDPOINT_URL_SNS: '' },
    endpoint: 'http://all',
  },
  { it: "AWS's own", options: {}, environment: {}, endpoint: undefined },
  {
    it: "AWS's own where variables are to be ignored",
    options: {},
    environment: { ...both, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
    endpoint: undefined,
  },
])('the endpoint is $it', ({ options, environment, endpoint }) => {
  expect(resolveEndpoint(options, 'SNS', environment)).toBe(endpoint)
})

const ofMillrace = { MILLRACE_ENDPOINTS: 'http://127.0.0.1:7700 https://streams:443' }

test.each([
  { endpoint: 'http://127.0.0.1:7700', environment: ofMillrace, profile: 'millrace' },
  { endpoint: 'https://streams/', environment: ofMillrace, profile: 'millrace' },
  { endpoint: 'http://127.0.0.1:77000', environment: ofMillrace, profile: undefined },
  { endpoint: 'http://127.0.0.1:7701', environment: ofMillrace, profile: undefined },
  { endpoint: undefined, environment: ofMillrace, profile: undefined },
  { endpoint: 'http://127.0.0.1:7700', environment: {}, profile: undefined },
])('requests to $endpoint are signed with the profile $profile', ({ endpoint, environment, profile }) => {
  expect(profileFor(endpoint, environment)).toBe(profile)
})
