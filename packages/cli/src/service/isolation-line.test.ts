import { expect, test } from 'vitest'
import { isolationOf } from './isolation-line.ts'

function answering(status: number, body: string) {
  const asked: string[] = []
  const get = async (target: string) => {
    asked.push(target)
    return new Response(body, { status })
  }
  return { get, asked }
}

const line = (message: string) => `${JSON.stringify({ messageType: 'INFO', logger: 'service', message })}\n`

test('the newest line of the service tells it', async () => {
  const { get, asked } = answering(200, line('isolation: isolated (namespaces)'))
  expect(await isolationOf({ get }, 'orders')).toBe('isolated (namespaces)')
  expect(asked).toEqual(['/apps/orders/logs?field=logger%3Aservice&limit=1&search=isolation%3A%20'])
})

test.each([
  { it: 'an application that has never run', status: 200, body: '' },
  { it: 'a line that only mentions it', status: 200, body: line('about isolation: none') },
  { it: 'who may not read the log', status: 403, body: '{"__type":"AccessDeniedException"}' },
])('nothing is known of $it', async ({ status, body }) => {
  expect(await isolationOf(answering(status, body), 'orders')).toBeUndefined()
})
