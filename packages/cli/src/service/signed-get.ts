import { createHash, createHmac } from 'node:crypto'
import { systemClock } from '@millrace/engine/spi'
import type { AccessKey } from './credentials.ts'

const SERVICE = 'kinesisanalytics'
const EMPTY_HASH = createHash('sha256').digest('hex')

/**
 * A GET that is signed as the API's calls are (AWS Signature Version 4). `target`: path and query, whose characters need
 * no encoding and whose parameters are in alphabetical order.
 */
export function signedGet(url: string, target: string, region: string, key: AccessKey): Promise<Response> {
  const date = new Date(systemClock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const headers: Record<string, string> = { host: new URL(url).host, 'x-amz-date': date }
  if (key.sessionToken !== undefined) headers['x-amz-security-token'] = key.sessionToken
  const { host: _fetchSetsIt, ...sent } = headers
  return fetch(`${url}${target}`, { headers: { ...sent, authorization: authorization(target, headers, region, key) } })
}

function authorization(target: string, headers: Record<string, string>, region: string, key: AccessKey): string {
  const date = headers['x-amz-date'] as string
  const names = Object.keys(headers).sort()
  const [path = '/', query = ''] = target.split('?')
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('')
  const canonical = ['GET', path, query, canonicalHeaders, names.join(';'), EMPTY_HASH].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/${SERVICE}/aws4_request`
  const hash = createHash('sha256').update(canonical).digest('hex')
  let signingKey = Buffer.from(`AWS4${key.secretAccessKey}`)
  for (const part of scope.split('/')) signingKey = createHmac('sha256', signingKey).update(part).digest()
  const signature = createHmac('sha256', signingKey)
    .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash}`)
    .digest('hex')
  const credential = `${key.accessKeyId}/${scope}`
  return `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}
