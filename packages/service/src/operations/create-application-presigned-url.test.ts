import { expect, test } from 'vitest'
import { hostIn } from './create-application-presigned-url.ts'

test.each(['flink.example.com', 'localhost:7700', '10.0.0.7:7700', '[::1]:7700', 'node_a:80'])(
  '%s is where the caller reaches the service',
  (host) => {
    expect(hostIn({ host })).toBe(host)
    expect(hostIn({ ':authority': host })).toBe(host)
  },
)

test.each([
  '',
  'a.example/x?',
  'user@a.example',
  'a.example:x',
  'a.example#',
  'a b',
  '[::1',
  'a.example:7700:1',
  '<x>',
])("'%s' is no host", (host) => expect(hostIn({ host })).toBeUndefined())
