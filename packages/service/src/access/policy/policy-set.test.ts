import { expect, test } from 'vitest'
import { parsePolicy } from './policy-document.ts'
import { type Decision, PolicySet } from './policy-set.ts'

const stream = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders'

function decide(
  statements: object | readonly object[],
  { action = 'kinesis:PutRecord', resource = stream, keys = {} as Record<string, string | readonly string[]> } = {},
  Version = '2012-10-17',
): Decision {
  const present = Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value].flat()] as const)
  const set = new PolicySet(parsePolicy(JSON.stringify({ Version, Statement: statements })))
  return set.decide(action, resource, () => new Map(present))
}

const allow = (more: object) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...more })
const when = (Condition: object) => allow({ Condition })

test.each([
  { it: 'the service by wildcard', statement: allow({ Action: 'kinesis:*' }), decision: 'allowed' },
  { it: 'the action in another case', statement: allow({ Action: ['KINESIS:putRECORD'] }), decision: 'allowed' },
  { it: 'another action', statement: allow({ Action: 'kinesis:GetRecords' }), decision: 'implicit' },
  {
    it: 'a resource in another case',
    statement: allow({ Resource: stream.replace('orders', 'Orders') }),
    decision: 'implicit',
  },
  {
    it: 'all but the action',
    statement: allow({ Action: undefined, NotAction: 'kinesis:Put*' }),
    decision: 'implicit',
  },
  { it: 'all but another', statement: allow({ Action: undefined, NotAction: 'sns:*' }), decision: 'allowed' },
  { it: 'a denial', statement: allow({ Effect: 'Deny' }), decision: 'explicit' },
])('$it: $decision', ({ statement, decision }) => expect(decide(statement)).toBe(decision))

test('an explicit denial wins over every allowance', () => {
  expect(decide([allow({}), { Effect: 'Deny', Action: 'kinesis:Put*', Resource: `${stream}*` }])).toBe('explicit')
})

test.each([
  { it: 'address in range', Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, isAllowed: true },
  { it: 'address outside', Condition: { IpAddress: { 'aws:SourceIp': ['10.2.0.0/16', '::1'] } }, isAllowed: false },
  { it: 'not the address', Condition: { NotIpAddress: { 'aws:SourceIp': '10.1.2.3/32' } }, isAllowed: false },
  { it: 'not another family', Condition: { IpAddress: { 'aws:SourceIp': '::/0' } }, isAllowed: false },
  { it: 'date before', Condition: { DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' } }, isAllowed: true },
  { it: 'date after', Condition: { DateGreaterThan: { 'aws:CurrentTime': '2030-01-01' } }, isAllowed: false },
  { it: 'epoch', Condition: { NumericLessThanEquals: { 'aws:EpochTime': 1_700_000_000 } }, isAllowed: true },
  { it: 'epoch not', Condition: { NumericNotEquals: { 'aws:EpochTime': '1700000000' } }, isAllowed: false },
  { it: 'date of seconds', Condition: { DateEquals: { 'aws:EpochTime': '2023-11-14T22:13:20Z' } }, isAllowed: true },
  { it: 'true', Condition: { Bool: { 'aws:SecureTransport': true } }, isAllowed: false },
  { it: 'false', Condition: { Bool: { 'aws:SecureTransport': 'false' } }, isAllowed: true },
  { it: 'ARN', Condition: { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/a*' } }, isAllowed: true },
  {
    it: 'not the ARN',
    Condition: { ArnNotEquals: { 'aws:PrincipalArn': 'arn:aws:iam::1:user/ann' } },
    isAllowed: false,
  },
  { it: 'key there', Condition: { Null: { 'aws:ResourceTag/team': 'false' } }, isAllowed: true },
  { it: 'key absent', Condition: { Null: { 'aws:RequestTag/team': 'false' } }, isAllowed: false },
  { it: 'absent, equal', Condition: { StringEquals: { 'aws:RequestTag/team': 'x' } }, isAllowed: false },
  { it: 'absent, not equal', Condition: { StringNotEquals: { 'aws:RequestTag/team': 'x' } }, isAllowed: true },
  { it: 'absent, if exists', Condition: { BoolIfExists: { 'aws:RequestTag/team': 'true' } }, isAllowed: true },
  { it: 'the key in another case', Condition: { StringEquals: { 'AWS:resourcetag/TEAM': 'red' } }, isAllowed: true },
  {
    it: "own tag as the resource's",
    Condition: { StringEquals: { 'aws:ResourceTag/team': `$\{aws:PrincipalTag/team}` } },
    isAllowed: true,
  },
  {
    it: 'two conditions, one false',
    Condition: { StringEquals: { 'aws:username': 'ann', 'aws:ResourceTag/team': 'blue' } },
    isAllowed: false,
  },
])('condition on $it: allowed $isAllowed', ({ Condition, isAllowed }) => {
  const keys = {
    'aws:SourceIp': '::ffff:10.1.2.3',
    'aws:CurrentTime': '2026-05-01T12:00:00Z',
    'aws:EpochTime': '1700000000',
    'aws:SecureTransport': 'false',
    'aws:PrincipalArn': 'arn:aws:iam::1:user/ann',
    'aws:username': 'ann',
    'aws:ResourceTag/team': 'red',
    'aws:PrincipalTag/team': 'red',
  }
  expect(decide(when(Condition), { keys })).toBe(isAllowed ? 'allowed' : 'implicit')
})

test.each([
  { it: 'a name', pattern: `arn:aws:x:::$\{aws:username}/*`, resource: 'arn:aws:x:::a*/1', decision: 'allowed' },
  {
    it: "a name's wildcard is text",
    pattern: `arn:aws:x:::$\{aws:username}`,
    resource: 'arn:aws:x:::ab',
    decision: 'implicit',
  },
  { it: 'no value', pattern: `arn:aws:x:::$\{aws:PrincipalTag/t}`, resource: 'arn:aws:x:::', decision: 'implicit' },
  {
    it: 'a default',
    pattern: `arn:aws:x:::$\{aws:PrincipalTag/t, 'none'}`,
    resource: 'arn:aws:x:::none',
    decision: 'allowed',
  },
  { it: 'a literal star', pattern: `arn:aws:x:::$\{*}`, resource: 'arn:aws:x:::b', decision: 'implicit' },
])('policy variable: $it', ({ pattern, resource, decision }) => {
  const keys = { 'aws:username': 'a*' }
  expect(decide(allow({ Resource: pattern }), { resource, keys })).toBe(decision)
})

test('a variable without a value opens nothing behind NotResource, and still denies', () => {
  const NotResource = `arn:aws:x:::$\{aws:PrincipalTag/team}`
  expect(decide(allow({ Resource: undefined, NotResource }))).toBe('implicit')
  expect(decide([allow({}), { Effect: 'Deny', Action: '*', NotResource }])).toBe('explicit')
})

test('version 2008-10-17 knows no variables', () => {
  const resource = `arn:aws:x:::$\{aws:username}`
  expect(decide(allow({ Resource: resource }), { resource }, '2008-10-17')).toBe('allowed')
})

test('many stars cost no more than pattern times text', () => {
  const Resource = `arn:aws:x:::${'*a'.repeat(40)}*b`
  expect(decide(allow({ Resource }), { resource: `arn:aws:x:::${'a'.repeat(4000)}` })).toBe('implicit')
})

test.each([
  {
    it: 'no JSON',
    text: '{\n  "Version": "2012-10-17",\n  "Statement": [}\n}',
    message: "line 3, column 17: '}' where",
  },
  { it: 'half of it', text: '{"Version":', message: 'line 1, column 12: it ends too early' },
  { it: 'no statement', text: '{"Version":"2012-10-17"}', message: '$.Statement is missing' },
  { it: 'another version', text: '{"Version":"2020-01-01","Statement":[]}', message: '$.Version' },
  { it: 'an effect in lower case', text: policy({ Effect: 'allow' }), message: '$.Statement[0].Effect' },
  { it: 'no resource', text: policy({ Resource: undefined }), message: '$.Statement[0] must have one of Resource' },
  { it: 'both resources', text: policy({ NotResource: '*' }), message: '$.Statement[0] must have one of Resource' },
  {
    it: 'no action of a service',
    text: policy({ Action: 'PutRecord' }),
    message: "$.Statement[0].Action: 'PutRecord'",
  },
  { it: 'a name as resource', text: policy({ Resource: 'orders' }), message: "$.Statement[0].Resource: 'orders'" },
  { it: 'a mistyped member', text: policy({ Conditions: {} }), message: '$.Statement[0].Conditions is not known' },
  { it: 'a principal', text: policy({ Principal: '*' }), message: '$.Statement[0].Principal' },
  {
    it: 'an unknown operator',
    text: policy({ Condition: { StringIs: { 'aws:username': 'a' } } }),
    message: "$.Statement[0].Condition.StringIs['aws:username']: StringIs is not an operator",
  },
  {
    it: 'a key that no request has',
    text: policy({ Condition: { StringEquals: { 'aws:user': 'a' } } }),
    message: 'no request has the key aws:user',
  },
  {
    it: 'an address that is none',
    text: policy({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } }),
    message: "'10.0.0.0/33' is not an IP address",
  },
  {
    it: 'a date that is none',
    text: policy({ Condition: { DateLessThan: { 'aws:CurrentTime': 'tomorrow' } } }),
    message: "'tomorrow' is not a date",
  },
  { it: 'an open variable', text: policy({ Resource: `arn:aws:x:::$\{aws:username` }), message: 'no closing }' },
  { it: 'too much', text: policy({ Action: Array(2000).fill('a:b*c') }), message: 'more than 10240 characters' },
])('$it is refused', ({ text, message }) => {
  const refusal = { type: 'MalformedPolicyDocument', message: expect.stringContaining(message) }
  expect(() => parsePolicy(text)).toThrow(expect.objectContaining(refusal))
})

function policy(statement: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [allow(statement)] })
}
