import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'
import { beforeEach, describe, expect, test } from 'vitest'
import type { OperationRecord } from '../../applications/application-record.ts'
import { jobIdOf } from '../../applications/job-id.ts'
import type { SnapshotRecord } from '../../snapshots/snapshot-record.ts'
import { application, completed, FlinkWorld, report, vertices } from './flink-fixture.ts'
import { actionOf } from './flink-service.ts'
import { routes } from './routes.ts'
import { shapeProblems } from './shape-fixture.ts'
import { shapes } from './shapes-fixture.ts'

let world: FlinkWorld
beforeEach(async () => {
  world = new FlinkWorld()
  await world.time.advance(1000)
})

const jobId = jobIdOf(application.name, 5)
const inVertex = `/jobs/${jobId}/vertices/${vertices.sum}`
const at = (path: string) =>
  path
    .replace(':jobid', jobId)
    .replace(':vertexid', vertices.sum)
    .replace(':checkpointid', '2')
    .replace(':subtaskindex', '0')

describe('shapes are those that Flink documents', () => {
  test.each(Object.entries(shapes))('%s', async (path, shape) => {
    const { status, json, headers } = await world.ask('GET', at(path))
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    expect(shapeProblems(json, shape)).toEqual([])
    // Before it is loaded there is less to tell, in the same shapes.
    Object.assign(world.shown, { plan: undefined, details: undefined, metrics: undefined })
    const early = await world.ask('GET', at(path))
    if (early.status === 200) expect(shapeProblems(early.json, shape)).toEqual([])
    else expect(early.json).toEqual({ errors: [expect.any(String)] })
  })

  test('every path that is answered with JSON has one', () => {
    const others = ['/', ':triggerid', ':filename', '/log', ':taskmanagerid', '/accumulators']
    const known = routes.filter(({ method, path }) => method === 'GET' && !others.some((end) => path.endsWith(end)))
    const missing = known
      .map(({ path }) => path)
      .filter((path) => !path.includes(':taskmanagerid') && !(path in shapes))
    expect(missing).toEqual([])
  })
})

test('a job, its tasks and what they have read and written', async () => {
  const job = await world.get('/jobs/:jobid')
  expect(job).toMatchObject({ jid: jobId, name: 'totals', state: 'RUNNING', 'end-time': -1, maxParallelism: 256 })
  expect(job.vertices).toMatchObject([
    { id: vertices.source, status: 'RUNNING', metrics: { 'write-records': 30, 'read-records-complete': false } },
    { id: vertices.sum, parallelism: 2, tasks: { RUNNING: 2, FAILED: 0 }, metrics: { 'read-records': 30 } },
  ])
  expect(job['status-counts']).toMatchObject({ RUNNING: 2 })
  expect(job.plan.nodes[1].inputs[0]).toMatchObject({ id: vertices.source, ship_strategy: 'HASH' })
  expect(await world.get('/jobs')).toEqual({ jobs: [{ id: jobId, status: 'RUNNING' }] })
  expect(await world.get('/v1/jobs/overview')).toMatchObject({ jobs: [{ tasks: { total: 3, running: 3 } }] })
  expect(await world.get('/overview')).toMatchObject({ 'jobs-running': 1, 'jobs-failed': 0, taskmanagers: 1 })
})

test('the checkpoints that the job told', async () => {
  const { counts, latest, history, summary } = await world.get('/jobs/:jobid/checkpoints')
  expect(counts).toEqual({ restored: 1, total: 3, in_progress: 1, completed: 1, failed: 1 })
  expect(summary.end_to_end_duration).toMatchObject({ min: 32, p50: 31.6 })
  expect(latest).toMatchObject({
    completed: { id: 2, external_path: '/data/checkpoints/chk-2' },
    savepoint: null,
    failed: { id: 1, failure_message: 'too slow' },
    restored: { id: 0, is_savepoint: true },
  })
  expect(history.map((one: Record<string, unknown>) => [one['className'], one['checkpoint_type']])).toEqual([
    ['in_progress', 'SYNC_SAVEPOINT'],
    ['completed', 'CHECKPOINT'],
    ['failed', 'CHECKPOINT'],
  ])
  const { tasks } = await world.get('/jobs/:jobid/checkpoints/details/2')
  expect(tasks[vertices.sum]).toMatchObject({ state_size: 500, num_subtasks: 2, end_to_end_duration: 30 })
  const ofSum = await world.get(`/jobs/:jobid/checkpoints/details/2/subtasks/${vertices.sum}`)
  expect(ofSum.summary.state_size).toMatchObject({ min: 200, max: 300, avg: 250 })
  expect(ofSum.subtasks).toMatchObject([
    { index: 0, checkpoint: { sync: 1, async: 2 } },
    { index: 1, alignment: { duration: 1 }, start_delay: 3 },
  ])
  expect(await world.get('/jobs/:jobid/checkpoints/details/latest?status=FAILED')).toMatchObject({ id: 1 })
  expect(await world.get('/jobs/:jobid/checkpoints/details/latest')).toMatchObject({ id: 2 })
})

test('a failure with its place and its causes, as many as asked for', async () => {
  const { exceptionHistory, truncated, ...old } = await world.get('/jobs/:jobid/exceptions')
  expect(truncated).toBe(false)
  expect(exceptionHistory.entries).toMatchObject([
    { exceptionName: 'APPLICATION_ERROR', taskName: 'Sum -> Sink (2/2)', timestamp: 1_700_000_000_080 },
  ])
  expect(exceptionHistory.entries[0].stacktrace).toBe(
    'APPLICATION_ERROR: no such currency\n    at sum (app.ts:7:9)\nCaused by: UNEXPECTED_ERROR: timed out',
  )
  expect(old['root-exception']).toBe(exceptionHistory.entries[0].stacktrace)
  const none = await world.get('/jobs/:jobid/exceptions?maxExceptions=0')
  expect(none).toMatchObject({ truncated: true, exceptionHistory: { entries: [], truncated: true } })
})

test('back pressure by the time that subtasks spend', async () => {
  const answer = await world.get(`/jobs/:jobid/vertices/${vertices.source}/backpressure`)
  expect(answer).toMatchObject({
    status: 'ok',
    'backpressure-level': 'high',
    subtasks: [{ ratio: 0.7, busyRatio: 0.1 }],
  })
  expect((await world.ask('GET', `${inVertex}/backpressure`)).json).toMatchObject({ 'backpressure-level': 'ok' })
})

describe('metrics', () => {
  test.each([
    [`${inVertex}/watermarks`, [{ id: '0.currentInputWatermark', value: '1700000000000' }]],
    [
      `${inVertex}/metrics?get=1.numRecordsIn,1.Sum__all.numLateRecordsDropped,9.x,1.Sum__all.empty`,
      [
        { id: '1.numRecordsIn', value: '20' },
        { id: '1.Sum__all.numLateRecordsDropped', value: '4' },
      ],
    ],
    [
      `${inVertex}/subtasks/metrics?get=numRecordsIn&agg=min,max,sum`,
      [{ id: 'numRecordsIn', min: 10, max: 20, sum: 30 }],
    ],
    [
      `${inVertex}/subtasks/metrics?get=numRecordsIn&subtasks=1-5`,
      [{ id: 'numRecordsIn', min: 20, max: 20, avg: 20, sum: 20, skew: 0 }],
    ],
    [`${inVertex}/subtasks/1/metrics?get=numBytesIn`, [{ id: 'numBytesIn', value: '600' }]],
    [
      `/jobs/${jobId}/vertices/${vertices.source}/jm-operator-metrics?get=Source.splits`,
      [{ id: 'Source.splits', value: '5' }],
    ],
    [
      `/jobs/${jobId}/metrics?get=lastCheckpointDuration,lastCheckpointSize,__proto__`,
      [{ id: 'lastCheckpointDuration', value: '31.6' }],
    ],
    ['/jobs/metrics?get=numRestarts&agg=max', [{ id: 'numRestarts', max: 1 }]],
    ['/jobmanager/metrics?get=numRunningJobs', [{ id: 'numRunningJobs', value: '1' }]],
  ])('%s', async (path, answer) => {
    expect((await world.ask('GET', path)).json).toEqual(answer)
  })

  test("the job's process is the task manager", async () => {
    const { taskmanagers } = await world.get('/taskmanagers')
    const { id } = taskmanagers[0]
    const path = `/taskmanagers/${id}`
    expect(await world.get(path)).toMatchObject({
      id,
      slotsNumber: 2,
      allocatedSlots: [{ jobId }],
      metrics: { heapUsed: 20, heapMax: 200, garbageCollectors: [{ name: 'V8', count: 4, time: 6 }] },
    })
    expect(await world.get(`${path}/metrics?get=Status.JVM.Memory.Heap.Used,Status.JVM.Threads.Count`)).toEqual([
      { id: 'Status.JVM.Memory.Heap.Used', value: '20' },
      { id: 'Status.JVM.Threads.Count', value: '9' },
    ])
    const { exceptionHistory } = await world.get('/jobs/:jobid/exceptions')
    expect(exceptionHistory.entries[0].taskManagerId).toBe(id)
  })
})

describe('a job that has ended', () => {
  test.each([
    ['STOPPED', 'FINISHED', 'FINISHED'],
    ['FINISHED', 'FINISHED', 'FINISHED'],
    ['CANCELED', 'CANCELED', 'CANCELED'],
    ['FAILED', 'FAILED', 'CANCELED'],
  ] as const)('%s is shown as %s', async (outcome, state, subtaskState) => {
    world.shown.ended = { outcome, cause: undefined, atMs: 1_700_000_002_000 }
    world.shown.metrics = undefined
    const job = await world.get('/jobs/:jobid')
    expect(job).toMatchObject({ state, 'end-time': 1_700_000_002_000, duration: 2000 })
    expect(job.timestamps[state]).toBe(1_700_000_002_000)
    expect(job.vertices).toMatchObject([{ status: subtaskState }, { status: subtaskState }])
    expect(await world.get('/taskmanagers')).toEqual({ taskmanagers: [] })
  })

  test('why its process died is its newest exception, told once', async () => {
    const cause = new EngineError('APPLICATION_EXITED', { kind: 'unavailable', message: 'by SIGKILL' })
    world.shown.ended = { outcome: 'FAILED', cause, atMs: 1_700_000_002_000 }
    const { exceptionHistory } = await world.get('/jobs/:jobid/exceptions')
    expect(exceptionHistory.entries.map((one: { exceptionName: string }) => one.exceptionName)).toEqual([
      'APPLICATION_EXITED',
      'APPLICATION_ERROR',
    ])
    const known = new EngineError('APPLICATION_ERROR', { kind: 'application', message: 'no such currency' })
    world.shown.ended = { outcome: 'FAILED', cause: known, atMs: 1_700_000_002_000 }
    expect((await world.get('/jobs/:jobid/exceptions')).exceptionHistory.entries).toHaveLength(1)
  })

  test.each([true, false])(
    'of an application that hibernates it is suspended; known to this service: %s',
    async (started) => {
      const atMs = 1_700_000_002_000
      world.shown.started = started
      world.shown.ended = { outcome: 'STOPPED', cause: undefined, atMs }
      world.shown.application = { ...world.shown.application, hibernatedSinceMs: atMs }
      expect(await world.get('/jobs')).toEqual({ jobs: [{ id: jobId, status: 'SUSPENDED' }] })
      expect(await world.get('/jobs/:jobid')).toMatchObject({ state: 'SUSPENDED', 'end-time': atMs })
      expect(await world.get('/taskmanagers')).toEqual({ taskmanagers: [] })
      expect((await world.ask('POST', `/jobs/${jobId}/checkpoints`)).status).toBe(202)
    },
  )

  test('the parallelism is the one that scaling has brought about', async () => {
    world.shown.application = { ...world.shown.application, currentParallelism: 6 }
    const config = await world.get('/jobs/:jobid/config')
    expect(config['execution-config']['job-parallelism']).toBe(6)
    const [taskManager] = (await world.get('/taskmanagers')).taskmanagers
    expect(taskManager.totalResource.cpuCores).toBe(6)
  })

  test('none was started: there are no jobs', async () => {
    world.shown.started = false
    expect(await world.get('/jobs')).toEqual({ jobs: [] })
    expect(await world.get('/overview')).toMatchObject({ 'jobs-running': 0, taskmanagers: 0 })
    expect((await world.ask('GET', `/jobs/${jobId}`)).status).toBe(404)
  })
})

describe('control', () => {
  const stopping: OperationRecord = {
    id: '01234567-89ab-cdef-0123-456789abcdef',
    name: 'StopApplication',
    status: 'IN_PROGRESS',
    startedMs: 1_700_000_000_900,
  } as OperationRecord
  const own = '0123456789abcdef0123456789abcdef'
  const chosen = 'f'.repeat(32)

  test('a checkpoint and a savepoint are taken, and asked after', async () => {
    for (const [what, result] of [
      ['checkpoints', { checkpointId: 7 }],
      ['savepoints', { location: '/data/savepoints/new' }],
    ] as const) {
      let take: (id: number) => void = () => {}
      world.take = () => new Promise((resolve) => (take = resolve))
      const { status, json } = await world.ask('POST', `/jobs/${jobId}/${what}`)
      expect({ status, json }).toEqual({ status: 202, json: { 'request-id': expect.stringMatching(/^[0-9a-f]{32}$/) } })
      const path = `/jobs/:jobid/${what}/${json['request-id']}`
      expect(await world.get(path)).toEqual({ status: { id: 'IN_PROGRESS' }, operation: null })
      take(7)
      await expect.poll(() => world.get(path)).toEqual({ status: { id: 'COMPLETED' }, operation: result })
    }
  })

  test('why it failed is told', async () => {
    world.take = async () => {
      throw new EngineError('CHECKPOINT_EXPIRED', { kind: 'unavailable', message: 'too slow' })
    }
    await world.ask('POST', `/jobs/${jobId}/checkpoints`, { triggerId: chosen })
    await expect
      .poll(() => world.get(`/jobs/:jobid/checkpoints/${chosen}`))
      .toMatchObject({
        status: { id: 'COMPLETED' },
        operation: {
          'failure-cause': { class: 'CHECKPOINT_EXPIRED', 'stack-trace': expect.stringContaining('too slow') },
        },
      })
  })

  test('repeated with the same trigger id it is done once; too many at once are refused', async () => {
    let taken = 0
    world.take = () => new Promise(() => taken++)
    const body = { triggerId: chosen }
    for (let i = 0; i < 3; i++) await world.ask('POST', `/jobs/${jobId}/savepoints`, body)
    expect(taken).toBe(1)
    const statuses = []
    for (let i = 0; i < 17; i++) statuses.push((await world.ask('POST', `/jobs/${jobId}/savepoints`)).status)
    expect(statuses).toEqual([...Array(15).fill(202), 503, 503])
  })

  test.each([
    ['stop', {}],
    ['savepoints', { 'cancel-job': true }],
  ])('POST %s stops the application', async (path, body) => {
    world.shown.operations.push(stopping)
    const { status, json } = await world.ask('POST', `/jobs/${jobId}/${path}`, body)
    expect({ status, json }).toEqual({ status: 202, json: { 'request-id': own } })
    expect(world.calls).toEqual([['stop', 'totals-app', { drain: false }]])
    const state = () => world.get(`/jobs/:jobid/savepoints/${own}`)
    expect(await state()).toMatchObject({ status: { id: 'IN_PROGRESS' } })
    world.shown.operations[0] = { ...stopping, status: 'SUCCESSFUL' }
    expect(await state()).toEqual({ status: { id: 'COMPLETED' }, operation: {} })
    world.shown.snapshot = { folder: '/data/savepoints/older', createdMs: 1_600_000_000_000 } as SnapshotRecord
    expect(await state()).toEqual({ status: { id: 'COMPLETED' }, operation: {} })
    const savepoint = { ...completed, kind: 'savepoint', stops: true, path: '/data/savepoints/job' } as const
    world.shown.report = { ...report, latest: { ...report.latest, savepoint } }
    expect(await state()).toMatchObject({ operation: { location: '/data/savepoints/job' } })
    world.shown.snapshot = { folder: '/data/savepoints/last', createdMs: 1_700_000_000_000 } as SnapshotRecord
    expect(await state()).toEqual({ status: { id: 'COMPLETED' }, operation: { location: '/data/savepoints/last' } })
    world.shown.operations[0] = { ...stopping, status: 'FAILED', error: 'the disk is full' }
    expect(await state()).toMatchObject({ operation: { 'failure-cause': { class: 'STOP_FAILED' } } })
  })

  test("a client's own trigger id stands for the stop", async () => {
    world.shown.operations.push(stopping)
    const stop = () => world.ask('POST', `/jobs/${jobId}/stop`, { triggerId: chosen.toUpperCase(), drain: false })
    expect((await stop()).json).toEqual({ 'request-id': chosen })
    expect((await stop()).json).toEqual({ 'request-id': chosen })
    expect(world.calls).toHaveLength(1)
    await world.ask('POST', `/jobs/${jobId}/stop`, { drain: true })
    expect(world.calls[1]).toEqual(['stop', 'totals-app', { drain: true }])
    expect(await world.get(`/jobs/:jobid/savepoints/${chosen}`)).toMatchObject({ status: { id: 'IN_PROGRESS' } })
  })

  test('cancel stops by force', async () => {
    world.shown.operations.push(stopping)
    expect(await world.ask('PATCH', `/jobs/${jobId}?mode=cancel`)).toMatchObject({ status: 202, json: {} })
    expect(world.calls).toEqual([['stop', 'totals-app', { force: true }]])
  })

  test('resource requirements change the parallelism', async () => {
    const path = `/jobs/${jobId}/resource-requirements`
    const body = { [vertices.sum]: { parallelism: { lowerBound: 1, upperBound: 4 } } }
    world.shown.operations.push({ ...stopping, name: 'ScaleApplication' })
    expect(await world.ask('PUT', path, body)).toMatchObject({ status: 200, json: {} })
    expect(world.calls).toEqual([['scale', 'totals-app', 4]])
  })
})

describe('refusals have the form of Flink', () => {
  const requirement = (parallelism: unknown) => ({ [vertices.sum]: { parallelism } })
  test.each([
    ['GET', '/nothing', 404, 'Not found: /nothing'],
    ['GET', '/jobs/x', 400, 'jobid'],
    ['GET', `/jobs/${'0'.repeat(32)}`, 404, `Job ${'0'.repeat(32)} not found`],
    ['GET', '/jobs/%', 404, 'Not found'],
    ['GET', `/jobs/${jobId}/vertices/${'0'.repeat(32)}`, 404, 'JobVertex'],
    ['GET', `/jobs/${jobId}/checkpoints/details/99`, 404, '99'],
    ['GET', `/jobs/${jobId}/checkpoints/details/x`, 400, 'checkpointid'],
    ['GET', `/jobs/${jobId}/checkpoints/details/latest?status=X`, 400, 'status'],
    ['GET', `/jobs/${jobId}/savepoints/${'0'.repeat(32)}`, 404, 'trigger id'],
    ['GET', `/jobs/${jobId}/exceptions?maxExceptions=-1`, 400, 'maxExceptions'],
    ['GET', `${inVertex}/subtasks/metrics?get=x&agg=median`, 400, 'median'],
    ['GET', `${inVertex}/subtasks/metrics?get=x&subtasks=a`, 400, 'subtasks'],
    ['GET', '/taskmanagers/x', 404, 'TaskExecutor'],
    ['GET', '/jobmanager/logs/..%2F..%2Fcredentials', 404, 'does not exist'],
    ['POST', '/jobs', 404, 'Not found'],
    ['PATCH', `/jobs/${jobId}?mode=stop`, 400, 'stop'],
    ['POST', `/jobs/${jobId}/stop`, 400, 'STOPPING'],
    ['POST', `/jobs/${jobId}/stop`, 400, 'not JSON', '{'],
    ['POST', `/jobs/${jobId}/stop`, 400, 'not a JSON object', '[1]'],
    ['POST', `/jobs/${jobId}/stop`, 400, 'folder', { targetDirectory: '/etc' }],
    ['POST', `/jobs/${jobId}/savepoints`, 400, 'folder', { 'target-directory': '/etc' }],
    ['POST', `/jobs/${jobId}/savepoints`, 400, 'hex', { triggerId: 'x' }],
    ['PUT', `/jobs/${jobId}/resource-requirements`, 400, 'no requirement', {}],
    ['PUT', `/jobs/${jobId}/resource-requirements`, 400, 'no vertex', { x: {} }],
    ['PUT', `/jobs/${jobId}/resource-requirements`, 400, 'upperBound', requirement({ lowerBound: 3, upperBound: 2 })],
    ['PUT', `/jobs/${jobId}/resource-requirements`, 400, 'upperBound', requirement({ upperBound: '2' })],
    ['PUT', `/jobs/${jobId}/resource-requirements`, 400, 'upperBound', requirement(null)],
  ])('%s %s is %i: %s', async (method, path, status, text, body?: unknown) => {
    const answer = await world.ask(method, path, body)
    expect(answer).toMatchObject({ status, json: { errors: [expect.stringContaining(text)] } })
  })
})

test.each([
  ['GET', '/apps/a/flink/jobs', 'millrace:ReadMonitoring'],
  ['GET', '/apps/a/flink/', 'millrace:ReadMonitoring'],
  ['GET', '/apps/a/flink/nothing', 'millrace:ReadMonitoring'],
  ['POST', `/apps/a/flink/jobs/${jobId}/stop`, 'millrace:ControlJob'],
  ['PATCH', `/apps/a/flink/jobs/${jobId}?mode=cancel`, 'millrace:ControlJob'],
  ['PUT', '/apps/a/flink/nothing', 'millrace:ControlJob'],
])('%s %s needs %s', (method, path, action) => {
  expect(actionOf(method, path)).toEqual({ action, applicationName: 'a' })
})

test('what is not of this API is left to others', () => {
  for (const path of ['/apps/a/logs', '/apps/a/flink', '/apps//flink/', '/apps/a%2Fb/flink/', '/flink/jobs']) {
    expect(world.service.accepts('GET', path)).toBe(false)
    expect(actionOf('GET', path)).toBeUndefined()
  }
  expect(world.service.accepts('DELETE', '/apps/a/flink/jobs')).toBe(false)
  expect(world.service.accepts('GET', '/apps/a/flink/jobs?x=1')).toBe(true)
})

test("the application's log is that of the job manager and of the task manager", async () => {
  expect(await world.get('/jobmanager/logs')).toEqual({ logs: [] })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-flink-'))
  world.logFile = join(folder, 'application.log')
  writeFileSync(world.logFile, 'one\ntwo\n')
  const { taskmanagers } = await world.get('/taskmanagers')
  for (const path of ['/jobmanager', `/taskmanagers/${taskmanagers[0].id}`]) {
    expect(await world.get(`${path}/logs`)).toEqual({
      logs: [{ name: 'application.log', size: 8, mtime: expect.any(Number) }],
    })
    for (const file of ['logs/application.log', 'log']) {
      const { text, contentType, headers } = await world.ask('GET', `${path}/${file}`)
      expect({ text, contentType }).toEqual({ text: 'one\ntwo\n', contentType: 'text/plain; charset=utf-8' })
      expect(headers['x-content-type-options']).toBe('nosniff')
    }
  }
  rmSync(folder, { recursive: true })
})
