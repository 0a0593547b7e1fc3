import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine'
import { homeDirectory } from '../places.ts'

/** An access key. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The key that a service on this machine wrote to `credentials` in its data directory; undefined when there is none, and
 * the AWS SDK looks where it always does. Errors (invalid): `CREDENTIALS_INVALID`.
 */
export function localCredentials(env: Environment = process.env): AccessKey | undefined {
  const file = join(homeDirectory(env), 'credentials')
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  const accessKeyId = profileValue(text, 'aws_access_key_id')
  const secretAccessKey = profileValue(text, 'aws_secret_access_key')
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey }
  throw new EngineError('CREDENTIALS_INVALID', {
    kind: 'invalid',
    message: `${file} has no aws_access_key_id and aws_secret_access_key.`,
    hint: 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).',
    details: { file },
  })
}

/** The service writes one profile, and nothing else, into its file. */
function profileValue(text: string, name: string): string | undefined {
  return new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1]
}
