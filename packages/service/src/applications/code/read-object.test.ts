import { EngineError } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import type { S3Files } from '../../access/role-s3.ts'
import { invalidArgument } from '../../wire/api-error.ts'
import { CodeStore } from './code-store.ts'
import { readObject } from './read-object.ts'

const owner = { name: 'a', serviceExecutionRole: 'arn:aws:iam::000000000000:role/fraud' }

/** S3 whose reads do that; what was asked for is noted. */
function s3(read: () => Uint8Array | Promise<Uint8Array> = () => Buffer.from('bytes')) {
  const asked: unknown[][] = []
  const files = {
    read: async (...what: unknown[]) => {
      asked.push(what)
      return read()
    },
    readVersion: async (...what: unknown[]) => {
      asked.push(what)
      return read()
    },
  } as unknown as S3Files
  const open = async (...who: unknown[]) => {
    asked.push(who)
    return files
  }
  return { open, asked }
}

test("an object is read by its path in S3, by its version when that is given, with the role's rights", async () => {
  const { open, asked } = s3()
  const location = { BucketARN: 'arn:aws:s3:::my.code-1', FileKey: 'a/b c.zip' }
  expect(await readObject({ open }, location, owner)).toEqual(Buffer.from('bytes'))
  await readObject({ open }, { ...location, ObjectVersion: 'v1' }, owner)
  const who = [owner.serviceExecutionRole, 'a']
  expect(asked).toEqual([who, ['s3://my.code-1/a/b c.zip'], who, ['s3://my.code-1/a/b c.zip', 'v1']])
})

test('what is no bucket is refused', async () => {
  for (const BucketARN of ['arn:aws:s3:::a/../b', 'arn:aws:sqs:us-east-1:0:queue', 'arn:aws:s3:::', 'arn:aws:s3:::A']) {
    const read = readObject(s3(), { BucketARN, FileKey: 'k' }, owner)
    await expect(read).rejects.toMatchObject({ type: 'InvalidArgumentException' })
  }
})

const refused = (reason: string) => ({
  type: 'InvalidArgumentException',
  message: expect.stringMatching(new RegExp(`^Please check the role provided .* bucket: code\\. ${reason}`)),
})

test.each<{ it: string; through: ConstructorParameters<typeof CodeStore>[1]; error: object }>([
  { it: 'no access to S3', through: undefined, error: { type: 'UnsupportedOperationException' } },
  {
    it: 'a role that has no credentials for AWS',
    through: { open: () => Promise.reject(invalidArgument('Role fraud has no credentials for AWS.')) },
    error: refused('Role fraud has no credentials'),
  },
  {
    it: 'an object that may not be read',
    through: s3(() => Promise.reject(new EngineError('ACCESS_DENIED', { kind: 'invalid', message: 'denied' }))),
    error: refused('denied'),
  },
  {
    it: 'S3 that is not there now',
    through: s3(() => Promise.reject(new EngineError('S3_DOWN', { kind: 'unavailable', message: 'down' }))),
    error: { code: 'S3_DOWN' },
  },
  {
    it: 'an object that is too large',
    through: s3(() => Buffer.alloc((50 << 20) + 1)),
    error: { type: 'CodeValidationException', message: expect.stringMatching(/larger than 52428800/) },
  },
])('code from S3 with $it is refused', async ({ through, error }) => {
  const store = new CodeStore('nowhere', through)
  const location = { BucketARN: 'arn:aws:s3:::code', FileKey: 'k' }
  await expect(store.store(owner, { contentType: 'ZIPFILE', s3: location })).rejects.toMatchObject(error)
})
