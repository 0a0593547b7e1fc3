/** Requests signed as the API's calls are (AWS Signature Version 4), for tests: `fetch` and its answer as JSON. */
import { createHash, createHmac } from 'node:crypto'

export interface Signer {
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const region = 'us-east-1'

export async function signedRequest(
  signer: Signer,
  method: string,
  target: string,
  body = '',
): Promise<{ status: number; text: string; json: any }> {
  const { host } = new URL(signer.url)
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const scope = `${date.slice(0, 8)}/${region}/kinesisanalytics/aws4_request`
  const [path = '', query = ''] = target.split('?')
  const names = 'host;x-amz-date'
  const canonical = [method, path, query, `host:${host}`, `x-amz-date:${date}`, '', names, sha256(body)].join('\n')
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`
  let key: string | Buffer = `AWS4${signer.secretAccessKey}`
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  const headers = { authorization, 'x-amz-date': date }
  const response = await fetch(`${signer.url}${target}`, { method, headers, ...(body === '' ? {} : { body }) })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
