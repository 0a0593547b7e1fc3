import { EngineError } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import type { AwsCredentialsProvider } from './role-credentials.ts'
import { RoleS3, type S3Files } from './role-s3.ts'

const arn = 'arn:aws:iam::000000000000:role/fraud'

/** S3 for a role that is given such credentials, and with what it was opened. */
function s3(provider: AwsCredentialsProvider | undefined) {
  const opened: unknown[] = []
  const open = async (credentials: AwsCredentialsProvider) => {
    opened.push(await credentials())
    return {} as S3Files
  }
  return { opened, roles: new RoleS3(open, { of: (role) => (role === arn ? provider : undefined) }) }
}

test("S3 is opened with the role's credentials", async () => {
  const credentials = { accessKeyId: 'k', secretAccessKey: 's' }
  const { opened, roles } = s3(async () => credentials)
  roles.assertReachable(arn)
  await roles.open(arn, 'app')
  expect(opened).toEqual([credentials])
})

test('a role that has none is refused with what to run, before anything is opened', async () => {
  const { opened, roles } = s3(undefined)
  const refused = { type: 'InvalidArgumentException', message: expect.stringMatching(/roles aws fraud node/) }
  expect(() => roles.assertReachable(arn)).toThrow(expect.objectContaining(refused))
  await expect(roles.open(arn, 'app')).rejects.toMatchObject(refused)
  expect(opened).toEqual([])
})

test('credentials that are not to be had fail at once, without a call of S3', async () => {
  const failed = new EngineError('ROLE_CREDENTIALS_FAILED', { kind: 'invalid', message: 'no' })
  const { opened, roles } = s3(() => Promise.reject(failed))
  await expect(roles.open(arn, 'app')).rejects.toBe(failed)
  expect(opened).toEqual([])
})
