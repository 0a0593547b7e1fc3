import { seededRandom } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { newApplication } from '../applications/lifecycle-world-fixture.ts'
import { rootCause } from '../applications/root-cause.ts'
import { jobEnvironment } from './job-environment.ts'
import { jobResources } from './job-resources.ts'
import { applicationPlaces } from './places.ts'
import { RestartDelay } from './restart-delay.ts'

test.each([
  {
    parallelism: 1,
    perKpu: 1,
    cores: 8,
    expected: { kpus: 1, threads: 1, threadHeapMb: 3072, mainHeapMb: 3072, memoryMb: 4096 },
  },
  {
    parallelism: 4,
    perKpu: 4,
    cores: 8,
    expected: { kpus: 1, threads: 4, threadHeapMb: 768, mainHeapMb: 3072, memoryMb: 4096 },
  },
  {
    parallelism: 5,
    perKpu: 4,
    cores: 2,
    expected: { kpus: 2, threads: 2, threadHeapMb: 3072, mainHeapMb: 6144, memoryMb: 8192 },
  },
])('parallelism $parallelism at $perKpu a KPU on $cores cores', ({ parallelism, perKpu, cores, expected }) => {
  const { configuration } = newApplication('a', 0)
  const given = { ...configuration.parallelism, parallelism, parallelismPerKpu: perKpu }
  expect(jobResources({ ...configuration, parallelism: given }, cores)).toEqual(expected)
})

test("a job's environment holds nothing of the service's but what is harmless", () => {
  const own = {
    PATH: '/bin',
    HOME: '/home/operator',
    AWS_SECRET_ACCESS_KEY: 'secret',
    DATABASE_URL: 'secret',
    TZ: 'UTC',
    AWS_ENDPOINT_URL: 'http://store:9000',
    AWS_ENDPOINT_URL_S3: 'http://name:secret@store:9000',
    AWS_ENDPOINT_URL_SNS: 'http://elsewhere',
  }
  const given = { AWS_REGION: 'us-east-1', AWS_PROFILE: undefined, AWS_ENDPOINT_URL_SNS: 'http://here' }
  expect(jobEnvironment(own, '/run', given)).toEqual({
    HOME: '/run',
    AWS_EC2_METADATA_DISABLED: 'true',
    PATH: '/bin',
    TZ: 'UTC',
    AWS_ENDPOINT_URL: 'http://store:9000',
    AWS_ENDPOINT_URL_SNS: 'http://here',
    AWS_REGION: 'us-east-1',
  })
})

test.each(['.', '..', '...'])('the name %s does not lead out of the folder of applications', (name) => {
  expect(applicationPlaces('/data', name).folder).toBe(`/data/apps/_${name}`)
})

test('restarts wait longer each time up to a minute, and afresh after a minute of running', async () => {
  const time = new VirtualTime()
  const delay = new RestartDelay(time, seededRandom(1))
  const delays = Array.from({ length: 12 }, () => delay.next())
  const expected = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]
  for (const [i, delayMs] of delays.entries()) {
    expect(delayMs).toBeGreaterThanOrEqual(expected[i]! * 0.9)
    expect(delayMs).toBeLessThanOrEqual(expected[i]! * 1.1)
  }
  delay.running()
  await time.advance(59_000)
  expect(delay.next()).toBeGreaterThan(50_000)
  delay.running()
  await time.advance(60_000)
  expect(delay.next()).toBeLessThan(300)
})

test('a job that ran for twenty times its delay before it failed again waits no longer than before', async () => {
  const time = new VirtualTime()
  const delay = new RestartDelay(time, seededRandom(1))
  for (let i = 0; i < 10; i++) {
    expect(delay.next()).toBeLessThan(300)
    delay.running()
    await time.advance(5_000)
  }
  delay.next()
  delay.running()
  await time.advance(4_999)
  expect(delay.next()).toBeGreaterThan(400)
  delay.running()
  await time.advance(9_999)
  expect(delay.next()).toBeGreaterThan(900)
})

test('the root cause comes first, and never more than 512 characters', () => {
  const inner = Object.assign(new Error('connect ECONNREFUSED'), { code: 'E1' })
  const outer = Object.assign(new Error('source failed', { cause: inner }), { code: 'E2', hint: 'Start it.' })
  expect(rootCause(outer)).toBe('E1: connect ECONNREFUSED | E2: source failed | Start it.')
  expect(rootCause('text')).toBe('text')
  const long = rootCause(new Error('😀'.repeat(400)))
  expect(long.length).toBeLessThanOrEqual(512)
  expect(long).toMatch(/^(😀)+…$/u)
})
