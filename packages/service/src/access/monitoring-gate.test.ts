import { expect, test } from 'vitest'
import { MonitoringGate } from './monitoring-gate.ts'

const token = 'a-token-of-32-characters-or-so-x'
const gate = new MonitoringGate(token)
const bearer = { authorization: `Bearer ${token}` }

test.each(['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:127.8.8.8'])(
  'from %s, this machine, nothing is needed',
  (address) => {
    expect(gate.admits({}, address)).toBe(true)
  },
)

test.each(['10.0.0.1', '128.0.0.1', '0.0.0.0', '169.254.1.1', '::', '::2', '::ffff:10.0.0.1', '2001:db8::1', ''])(
  "from '%s' the token is needed",
  (address) => {
    expect(gate.admits({}, address)).toBe(false)
    expect(gate.admits(bearer, address)).toBe(true)
  },
)

test.each([{ 'x-forwarded-for': '127.0.0.1' }, { 'x-forwarded-for': '' }, { forwarded: 'for=127.0.0.1' }])(
  'what came through a proxy is from elsewhere: %j',
  (headers) => {
    expect(gate.admits(headers, '127.0.0.1')).toBe(false)
    expect(gate.admits({ ...headers, ...bearer }, '127.0.0.1')).toBe(true)
  },
)

test.each([
  'Bearer',
  'Bearer ',
  `Bearer ${token}x`,
  `Bearer ${token.slice(1)}`,
  `Basic ${token}`,
  token,
  `Bearer ${token} x`,
])('%s is not the token', (authorization) => {
  expect(gate.admits({ authorization }, '10.0.0.1')).toBe(false)
})
