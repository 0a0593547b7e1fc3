import { seededRandom, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { describeFileSystem, describeSink, runSinkAtRandom } from '@millrace/engine/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { numberedFiles } from '../files/testing/numbered-files.ts'
import type { S3Options } from './options.ts'
import type { S3Parts } from './s3-calls.ts'
import { s3FileSystem } from './s3-file-system.ts'
import { FakeS3, type FakeS3Settings, type S3Fault } from './testing/fake-s3.ts'

const kit = { describe, test, expect }
const bytes = (text: string) => new TextEncoder().encode(text)
const utf8 = (value: Uint8Array) => new TextDecoder().decode(value)

async function startFake(settings: FakeS3Settings = {}) {
  const fake = new FakeS3(() => systemClock.now(), settings)
  const endpoint = await fake.listen()
  let aheadMs = 0
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const options: S3Options = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    minPartSizeBytes: settings.minPartSizeBytes ?? 100,
    // Short: fenced writers of the contract suites try their lost uploads no longer than this.
    unavailableAfterMs: 50,
  }
  const open = (more: S3Options = {}, parts: Partial<S3Parts> = {}) =>
    s3FileSystem({ ...options, ...more }, { clock, scheduler: systemScheduler, random: systemRandom, ...parts })
  const advance = (ms: number) => {
    aheadMs += ms
  }
  return { fake, open, advance }
}

for (const forgetsCompleted of [false, true]) {
  const name = forgetsCompleted ? 'S3 that forgets completed uploads' : 'S3'
  const openFiles = async () => {
    const { fake, open, advance } = await startFake({ forgetsCompleted, minPartSizeBytes: 20_000 })
    const close = () => fake.close()
    return { first: open(), second: open(), folder: 's3://bucket/data', largeBytes: 300_001, advance, close }
  }
  const openSink = async () => {
    const { fake, open } = await startFake({ forgetsCompleted })
    return numberedFiles({ path: 's3://bucket/out', fileSystem: open(), rollingBytes: 900, close: () => fake.close() })
  }
  describeFileSystem(name, openFiles, kit)
  describeSink(`files on ${name}`, openSink, kit, { seeds: 3 })
}

describe('s3FileSystem', () => {
  let fake: FakeS3
  let files: ReturnType<typeof s3FileSystem>
  let open: (more?: S3Options, parts?: Partial<S3Parts>) => ReturnType<typeof s3FileSystem>

  beforeEach(async () => {
    const started = await startFake()
    fake = started.fake
    open = started.open
    files = open({ unavailableAfterMs: 5_000 })
  })
  afterEach(() => fake.close())

  /** Answers the next request of that operation with the fault, once. */
  function failOnce(operation: string, fault: S3Fault): { readonly happened: () => boolean } {
    let happened = false
    fake.fault = (request) => {
      if (happened || request.operation !== operation) return undefined
      happened = true
      return fault
    }
    return { happened: () => happened }
  }

  test('createExclusive knows its own object when the answer was lost', async () => {
    const { happened } = failOnce('PutObject', 'lose-answer')
    expect(await files.createExclusive('s3://bucket/fence', bytes('mine'))).toBe(true)
    expect(happened()).toBe(true)
    expect(await open().createExclusive('s3://bucket/fence', bytes('other'))).toBe(false)
    expect(utf8(await files.read('s3://bucket/fence'))).toBe('mine')
  })

  test('createExclusive repeats a conflict with another writer', async () => {
    const { happened } = failOnce('PutObject', { status: 409, code: 'ConditionalRequestConflict' })
    expect(await files.createExclusive('s3://bucket/fence', bytes('mine'))).toBe(true)
    expect(happened()).toBe(true)
  })

  test.each(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'HeadObject', 'GetObject'])(
    'a lost answer, a throttle and a 500 of %s are passing things',
    async (operation) => {
      const faults: S3Fault[] = [
        'lose-answer',
        { status: 503, code: 'SlowDown' },
        { status: 500, code: 'InternalError' },
      ]
      fake.fault = (request) => (request.operation === operation ? faults.pop() : undefined)
      const file = await files.openFile('s3://bucket/part')
      file.write(bytes('x'.repeat(150)))
      file.write(bytes('tail'))
      const pending = await file.close()
      await files.commitFile(pending)
      await files.commitFile(pending)
      expect(utf8(await files.read('s3://bucket/part'))).toBe(`${'x'.repeat(150)}tail`)
    },
  )

  test('a store that fails for too long is STORAGE_FAILED, and the file still commits later', async () => {
    const file = await files.openFile('s3://bucket/part')
    file.write(bytes('x'))
    const pending = await file.close()
    fake.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
    await expect(open().commitFile(pending)).rejects.toMatchObject({ code: 'STORAGE_FAILED', kind: 'unavailable' })
    fake.fault = () => undefined
    await files.commitFile(pending)
    expect(utf8(await files.read('s3://bucket/part'))).toBe('x')
  })

  test('an older version is read by its id', async () => {
    await files.write('s3://bucket/code?v1', bytes('old'))
    await files.write('s3://bucket/code', bytes('new'))
    expect(utf8(await files.readVersion('s3://bucket/code', 'v1'))).toBe('old')
    expect(utf8(await files.read('s3://bucket/code'))).toBe('new')
    await expect(files.readVersion('s3://bucket/code', 'v2')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })

  test('credentials that are provided are asked for, and again when they expire', async () => {
    let asked = 0
    const credentials = async () => {
      const key = `key-${++asked}`
      return { accessKeyId: key, secretAccessKey: 's', expiration: new Date(systemClock.now() + 1_000) }
    }
    const used: string[] = []
    fake.fault = ({ accessKeyId }) => void used.push(accessKeyId)
    const provided = open({}, { credentials })
    await provided.write('s3://bucket/a', bytes('a'))
    await provided.write('s3://bucket/b', bytes('b'))
    expect(used).toEqual([expect.stringMatching(/^key-/), expect.stringMatching(/^key-/)])
    expect(used[0]).not.toBe(used[1])
  })

  test('without a region nothing is tried', async () => {
    vi.stubEnv('AWS_REGION', undefined)
    vi.stubEnv('AWS_DEFAULT_REGION', undefined)
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null')
    const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom }
    const nowhere = s3FileSystem({ credentials: { accessKeyId: 'k', secretAccessKey: 's' } }, parts)
    const failure = { kind: 'invalid', message: expect.stringContaining('Region is missing') }
    await expect(nowhere.read('s3://bucket/a')).rejects.toMatchObject(failure)
    vi.unstubAllEnvs()
  })

  test('a bucket in another region is found there', async () => {
    const elsewhere = await startFake({ region: 'eu-central-1' })
    try {
      const far = elsewhere.open()
      expect(await far.list('s3://bucket/none')).toEqual([])
      await Promise.all(['a', 'b', 'c'].map((name) => far.write(`s3://bucket/${name}`, bytes(name))))
      expect(utf8(await elsewhere.open().read('s3://bucket/b'))).toBe('b')
      expect(await elsewhere.open().createExclusive('s3://bucket/a', bytes('x'))).toBe(false)
    } finally {
      await elsewhere.fake.close()
    }
  })

  test('a full store is STORAGE_FULL, a forbidden one isn’t tried again', async () => {
    fake.fault = () => ({ status: 507, code: 'XMinioStorageFull' })
    await expect(open().write('s3://bucket/x', bytes('x'))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    const before = fake.requests
    fake.fault = () => ({ status: 403, code: 'AccessDenied' })
    await expect(files.write('s3://bucket/x', bytes('x'))).rejects.toMatchObject({ kind: 'invalid' })
    expect(fake.requests).toBe(before + 1)
  })

  test('a failed part upload is thrown by the next calls', async () => {
    const file = await open().openFile('s3://bucket/part')
    fake.fault = ({ operation }) => (operation === 'UploadPart' ? { status: 500, code: 'InternalError' } : undefined)
    file.write(bytes('x'.repeat(200)))
    expect(file.bufferedBytes).toBe(200)
    await expect(file.persist()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(() => file.write(bytes('y'))).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
    expect(file.bufferedBytes).toBe(0)
  })

  test('an upload that was aborted from outside is reported with its age, never papered over', async () => {
    const file = await files.openFile('s3://bucket/part')
    file.write(bytes('x'))
    const persisted = await file.persist()
    const pending = await file.close()
    fake.uploads.clear()
    const lost = { code: 'FILE_DAMAGED', kind: 'corrupt', details: { uploadId: 'upload-1' } }
    await expect(files.commitFile(pending)).rejects.toMatchObject(lost)
    await expect(files.recoverFile(persisted)).rejects.toMatchObject(lost)
  })

  test('an object of something else under the same key is never overwritten', async () => {
    const file = await files.openFile('s3://bucket/part')
    file.write(bytes('mine'))
    const pending = await file.close()
    fake.uploads.clear()
    await files.write('s3://bucket/part', bytes('else'))
    await expect(files.commitFile(pending)).rejects.toMatchObject({ code: 'FILE_DAMAGED', kind: 'corrupt' })
    expect(utf8(await files.read('s3://bucket/part'))).toBe('else')
  })

  test('recovery takes part 10,000, so that a living writer’s parts can’t get into it', async () => {
    const zombie = await files.openFile('s3://bucket/part')
    zombie.write(bytes('a'.repeat(120)))
    zombie.write(bytes('tail'))
    const persisted = await zombie.persist()
    const pending = await open().recoverFile(persisted)
    zombie.write(bytes('b'.repeat(120)))
    await zombie.persist()
    expect([...(fake.uploads.get('upload-1')?.parts.keys() ?? [])]).toEqual([1, 10_000, 2])
    await files.commitFile(pending)
    expect(utf8(await files.read('s3://bucket/part'))).toBe(`${'a'.repeat(120)}tail`)
  })

  test('parts grow with their number, and as many as allowed are uploaded at a time, kept in order', async () => {
    const small = open({ minPartSizeBytes: 10, maxConcurrentUploads: 3 })
    const file = await small.openFile('s3://bucket/part')
    for (let i = 0; i < 1010; i++) file.write(bytes(String(i % 10).repeat(10)))
    const pending = await file.close()
    const sizes = [...(fake.uploads.get('upload-1')?.parts ?? [])]
      .sort(([a], [b]) => a - b)
      .map(([, p]) => p.bytes.length)
    expect(sizes.length).toBe(1005)
    expect([sizes[0], sizes[999], sizes[1000], sizes[1004]]).toEqual([10, 10, 20, 20])
    await small.commitFile(pending)
    const whole = Array.from({ length: 1010 }, (_, i) => String(i % 10).repeat(10)).join('')
    expect(utf8(await small.read('s3://bucket/part'))).toBe(whole)
  })

  test('keys are any text; folders and their markers aren’t files', async () => {
    for (const key of ['a b&c<d>/é+%.txt', 'x', 'x/y', 'marker/']) {
      await files.write(`s3://bucket/k/${key}`, bytes(key))
    }
    fake.objects.set('k/marker/', { bytes: bytes(''), fileId: '', changedMs: 0 })
    const listed = (await files.list('s3://bucket/k/')).map((file) => file.path)
    expect(listed).toEqual(['a b&c<d>/é+%.txt', 'marker', 'x', 'x/y'].map((key) => `s3://bucket/k/${key}`))
    expect(utf8(await files.read(`s3://bucket/k/a b&c<d>/é+%.txt`))).toBe('a b&c<d>/é+%.txt')
    await files.delete('s3://bucket/k')
    expect(fake.objects.size).toBe(0)
  })

  test.each(['/local/path', 's3:/bucket/x', 's3://'])('refuses path %s', async (path) => {
    await expect(files.read(path)).rejects.toMatchObject({ code: 'S3_PATH_INVALID', kind: 'invalid' })
  })

  test('the files sink loses and doubles nothing while one request in fifteen fails or loses its answer', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seededRandom(seed)
      fake.objects.clear()
      const faults: S3Fault[] = [
        'lose-answer',
        { status: 503, code: 'SlowDown' },
        { status: 400, code: 'RequestTimeout' },
      ]
      const impatient = open({ unavailableAfterMs: 0 })
      const path = `s3://bucket/run-${seed}`
      const harness = numberedFiles({ path, fileSystem: impatient, reader: files, rollingBytes: 900 })
      // An answer to HEAD has no body, so no name: S3 doesn't answer RequestTimeout to it.
      const choices = (operation: string) => (operation === 'HeadObject' ? 1 : 2)
      fake.fault = ({ operation }) => (random.next() < 1 / 15 ? faults[random.int(0, choices(operation))] : undefined)
      const { failures } = await runSinkAtRandom(harness, { seed, records: 120 })
      fake.fault = () => undefined
      expect(failures).toBeGreaterThan(0)
      const seen = [...(await harness.visible())].sort((a, b) => a - b)
      expect(seen).toEqual(Array.from({ length: 120 }, (_, i) => i))
    }
  })
})
