import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { randomUuid } from './uuid.ts'

test('uuids are version 4, repeat with their seed and differ within it', () => {
  const random = seededRandom(1)
  const many = Array.from({ length: 1000 }, () => randomUuid(random))
  for (const uuid of many) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(many).size).toBe(1000)
  expect(randomUuid(seededRandom(1))).toBe(many[0])
})
