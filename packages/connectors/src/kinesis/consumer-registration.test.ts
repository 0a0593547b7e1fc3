import { expect, test } from 'vitest'
import { defaultConsumerName } from './consumer-registration.ts'

test('a consumer is named after its application and its operator, in letters that Kinesis takes', () => {
  expect(defaultConsumerName('orders', 'source')).toBe('millrace-orders-source')
  expect(defaultConsumerName('my orders', 'a/b')).toBe('millrace-my-orders-a-b')
})

test('long names that differ only at their ends stay different, and within the limit', () => {
  const application = 'a'.repeat(128)
  const names = [
    defaultConsumerName(application, 'first'),
    defaultConsumerName(application, 'second'),
    defaultConsumerName(`${application.slice(0, -1)}b`, 'first'),
  ]
  expect(new Set(names).size).toBe(3)
  for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_.-]{1,128}$/)
  expect(defaultConsumerName(application, 'first')).toBe(names[0])
})
