import { expect, test } from 'vitest'
import { TextTail } from './text-tail.ts'

test('the end of a text is kept, and it shows that there was more', () => {
  const tail = new TextTail(5)
  tail.push(Buffer.from('abc'))
  expect(tail.toString()).toBe('abc')
  tail.push(Buffer.from('defg'))
  expect(tail.toString()).toBe('…cdefg')
})

test('a character that comes in two pieces stays one', () => {
  const tail = new TextTail(10)
  const bytes = Buffer.from('ä')
  tail.push(bytes.subarray(0, 1))
  tail.push(bytes.subarray(1))
  expect(tail.toString()).toBe('ä')
})
