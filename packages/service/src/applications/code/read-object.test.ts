import { EngineError } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import { CodeStore } from './code-store.ts'
import { type ReadObject, readObjectFrom } from './read-object.ts'

const asked: string[] = []
const read = readObjectFrom({
  read: async (path) => {
    asked.push(path)
    return Buffer.from('bytes')
  },
})

test('an object is read by its path in S3', async () => {
  expect(await read('arn:aws:s3:::my.code-1', 'a/b c.zip', undefined)).toEqual(Buffer.from('bytes'))
  expect(asked).toEqual(['s3://my.code-1/a/b c.zip'])
})

test('an older version is refused, and so is what is no bucket', async () => {
  await expect(read('arn:aws:s3:::code', 'k', 'v1')).rejects.toMatchObject({ type: 'UnsupportedOperationException' })
  for (const arn of ['arn:aws:s3:::a/../b', 'arn:aws:sqs:us-east-1:0:queue', 'arn:aws:s3:::', 'arn:aws:s3:::A']) {
    await expect(read(arn, 'k', undefined)).rejects.toMatchObject({ type: 'InvalidArgumentException' })
  }
})

test.each<{ it: string; readObject: ReadObject | undefined; error: object }>([
  { it: 'no access to S3', readObject: undefined, error: { type: 'UnsupportedOperationException' } },
  {
    it: 'an object that may not be read',
    readObject: () => Promise.reject(new EngineError('ACCESS_DENIED', { kind: 'invalid', message: 'denied' })),
    error: { type: 'InvalidArgumentException', message: expect.stringMatching(/^Please check the role provided/) },
  },
  {
    it: 'S3 that is not there now',
    readObject: () => Promise.reject(new EngineError('S3_DOWN', { kind: 'unavailable', message: 'down' })),
    error: { code: 'S3_DOWN' },
  },
  {
    it: 'an object that is too large',
    readObject: async () => Buffer.alloc((50 << 20) + 1),
    error: { type: 'CodeValidationException', message: expect.stringMatching(/larger than 52428800/) },
  },
])('code from S3 with $it is refused', async ({ readObject, error }) => {
  const store = new CodeStore('nowhere', readObject)
  const s3 = { BucketARN: 'arn:aws:s3:::code', FileKey: 'k' }
  await expect(store.store('a', { contentType: 'ZIPFILE', s3 })).rejects.toMatchObject(error)
})
