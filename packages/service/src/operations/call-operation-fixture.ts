/** Calls of the API beyond the JavaScript client's model, for tests. */
import { Readable } from 'node:stream'
import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2'
import type { Operations } from '../model/shapes.ts'
import { client } from './applications-endpoint-fixture.ts'

/**
 * Calls an operation that this client's model doesn't know, or with members that it doesn't: another one's request, with
 * target and body exchanged before it's signed.
 */
export async function call<N extends keyof Operations>(
  name: N,
  input: Operations[N]['input'] | Readonly<Record<string, unknown>>,
): Promise<Operations[N]['output']> {
  const command = new DescribeApplicationCommand({ ApplicationName: 'x' })
  let answer = ''
  command.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string>; body: string }
      request.headers['x-amz-target'] = `KinesisAnalytics_20180523.${name}`
      request.body = JSON.stringify(input)
      request.headers['content-length'] = String(Buffer.byteLength(request.body))
      return next(args)
    },
    { step: 'build', priority: 'low' },
  )
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const response = result.response as { body: Readable }
      const body = Buffer.concat(await response.body.toArray())
      answer = body.toString()
      response.body = Readable.from([body])
      return result
    },
    { step: 'deserialize', priority: 'low' },
  )
  await client.send(command)
  return JSON.parse(answer) as Operations[N]['output']
}
