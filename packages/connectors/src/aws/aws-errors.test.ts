import { EngineError, seededRandom } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { describe, expect, test } from 'vitest'
import { awsFailure, classifyAwsError } from './aws-errors.ts'
import { Aborted } from './backoff.ts'
import { retrying } from './retry.ts'

const sdkError = (name: string, httpStatusCode?: number, more: object = {}) =>
  Object.assign(new Error(name), {
    name,
    $fault: 'client',
    ...(httpStatusCode === undefined ? {} : { $metadata: { httpStatusCode, ...more } }),
  })

describe('an AWS error', () => {
  test.each([
    ['a throttle of Kinesis', sdkError('ProvisionedThroughputExceededException', 400), 'throttled'],
    ['a throttle of SNS', sdkError('ThrottledException', 429), 'throttled'],
    ['a limit', sdkError('LimitExceededException', 400), 'throttled'],
    ['an expired iterator', sdkError('ExpiredIteratorException', 400), 'expired'],
    ['an expired page token', sdkError('ExpiredNextTokenException', 400), 'expired'],
    ['a missing resource', sdkError('ResourceNotFoundException', 400), 'missing'],
    ['a missing topic', sdkError('NotFoundException', 404), 'missing'],
    ['a missing bucket', sdkError('NoSuchBucket', 404), 'missing'],
    ['a resource in use', sdkError('ResourceInUseException', 400), 'in-use'],
    ['a wrong secret', sdkError('SignatureDoesNotMatch', 403), 'denied'],
    [
      'a wrong clock that the SDK has corrected',
      sdkError('InvalidSignatureException', 403, { clockSkewCorrected: true }),
      'transient',
    ],
    ['credentials that ran out', sdkError('ExpiredTokenException', 400), 'transient'],
    ['a wrong argument', sdkError('InvalidArgumentException', 400), 'rejected'],
    ['a region that nobody has set', new Error('Region is missing'), 'rejected'],
    ['an unknown server failure', sdkError('Whatever', 503), 'transient'],
    ['an answer cut short', sdkError('SyntaxError', 200), 'transient'],
    ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'transient'],
    ['a time-out', Object.assign(new Error('x'), { name: 'TimeoutError' }), 'transient'],
  ])('%s', (_it, error, kind) => {
    expect(classifyAwsError(error)).toBe(kind)
  })

  test('becomes the job error that says what to do', () => {
    const failure = awsFailure('Listing the shards', sdkError('AccessDeniedException', 400))
    expect(failure).toMatchObject({ code: 'AWS_ACCESS_DENIED', kind: 'invalid' })
    expect(failure.message).toContain('Listing the shards failed: AccessDeniedException')
    expect(failure.hint).toContain('permissions')
  })
})

describe('retrying', () => {
  const around = (time: VirtualTime, signal = new AbortController().signal) => ({
    clock: time,
    scheduler: time,
    random: seededRandom(1),
    signal,
  })

  test('repeats what may pass and returns the first success', async () => {
    const time = new VirtualTime()
    let calls = 0
    const result = retrying(around(time), 'Calling', 60_000, async () => {
      if (++calls < 4) throw sdkError('InternalFailure', 500)
      return calls
    })
    await time.advance(10_000)
    expect(await result).toBe(4)
  })

  test('gives up at once on what repeating does not help', async () => {
    const time = new VirtualTime()
    let calls = 0
    const failure = retrying(around(time), 'Calling', 60_000, async () => {
      calls++
      throw sdkError('InvalidArgumentException', 400)
    }).catch((error: unknown) => error)
    await time.advance(0)
    expect(await failure).toMatchObject({ code: 'AWS_REQUEST_REJECTED', kind: 'invalid' })
    expect(calls).toBe(1)
  })

  test('gives up after its time with a failure that restarts the job', async () => {
    const time = new VirtualTime()
    const failure = retrying(around(time), 'Calling', 10_000, async () => {
      throw new Error('refused')
    }).catch((error: unknown) => error)
    await time.advance(15_000)
    expect(await failure).toBeInstanceOf(EngineError)
    expect(await failure).toMatchObject({ code: 'AWS_UNAVAILABLE', kind: 'unavailable' })
  })

  test('stops in the middle of a pause when it is aborted, leaving no timer', async () => {
    const time = new VirtualTime()
    const abort = new AbortController()
    const failure = retrying(around(time, abort.signal), 'Calling', 10_000, async () => {
      throw sdkError('ThrottlingException', 400)
    }).catch((error: unknown) => error)
    await time.advance(10)
    abort.abort()
    expect(await failure).toBeInstanceOf(Aborted)
    expect(time.pendingTimers).toBe(0)
  })
})
