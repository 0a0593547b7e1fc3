import { expect, test } from 'vitest'
import { askApplication } from './application-route.ts'

function answering(status: number, body: string) {
  const asked: unknown[] = []
  const answer = async (...given: readonly unknown[]) => {
    asked.push(given)
    return new Response(body, { status })
  }
  return { get: answer, post: answer, asked }
}

test('asks below the application, by POST when there is a body', async () => {
  const service = answering(200, 'lines')
  expect(await (await askApplication(service, 'orders', '/logs?tail=1')).text()).toBe('lines')
  await askApplication(service, 'orders', '/flink/jobs/1/stop', { drain: true })
  expect(service.asked).toEqual([['/apps/orders/logs?tail=1'], ['/apps/orders/flink/jobs/1/stop', { drain: true }]])
})

test.each([
  {
    it: 'its name and message',
    status: 400,
    body: '{"__type":"AccessDeniedException","message":"no"}',
    error: { code: 'AccessDeniedException', message: 'no' },
  },
  {
    it: 'what the monitoring API says',
    status: 404,
    body: '{"errors":["Job 1 not found"]}',
    error: { code: 'ResourceNotFoundException', message: 'Job 1 not found' },
  },
  {
    it: 'the status of an answer that is not the service’s',
    status: 502,
    body: '<html>',
    error: { code: 'SERVICE_ANSWER_UNKNOWN', message: 'The service answered 502.' },
  },
])('a refusal is told by $it', async ({ status, body, error }) => {
  await expect(askApplication(answering(status, body), 'orders', '/logs')).rejects.toMatchObject(error)
})

test('what is no name asks for nothing', async () => {
  const service = answering(200, '')
  await expect(askApplication(service, 'a/b', '/logs')).rejects.toMatchObject({ code: 'APPLICATION_NAME_INVALID' })
  expect(service.asked).toEqual([])
})
