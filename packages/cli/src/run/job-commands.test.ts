import type { JobCoordinator } from '@millrace/engine'
import type { ApplicationEvent } from '@millrace/service/launchers'
import { expect, test } from 'vitest'
import { type CommandTarget, jobCommands } from './job-commands.ts'
import { watchProcess } from './process-figures.ts'

/** A job that records what it is asked for; everything else of a real one is tested with real processes. */
function target(calls: unknown[]): CommandTarget {
  const job = {
    state: 'RUNNING',
    restarts: 2,
    savepoint: async (path: string, stop: string) => {
      calls.push(['savepoint', path, stop])
      return { id: 5, kind: 'savepoint', path, sizeBytes: 10, durationMs: 1.5 }
    },
    setLogLevel: (level: string) => void calls.push(['log-level', level]),
    setLoggerLevel: (logger: string, level?: string) => void calls.push(['logger-level', logger, level]),
    checkpoint: async () => ({ id: 6, kind: 'checkpoint', path: undefined, sizeBytes: 4, durationMs: 2 }),
    plan: () => 'the plan',
    details: () => 'the details',
    checkpoints: () => 'the report',
    checkpointById: (id: number) => (id === 6 ? 'the sixth' : undefined),
    collectMetrics: async () => ({ job: {}, operators: [], tasks: [], threads: [] }),
  }
  return {
    job: () => job as unknown as JobCoordinator,
    cancel: () => void calls.push(['cancel']),
    newSavepointFolder: () => '/default',
    uptimeMs: () => 1234,
    processFigures: watchProcess(),
  }
}

async function answersTo(message: Record<string, unknown>, to?: CommandTarget) {
  const calls: unknown[] = []
  const answers: ApplicationEvent[] = []
  const commands = jobCommands(to ?? target(calls))
  commands.handle(message, (event) => answers.push(event))
  await commands.answered()
  return { calls, answers }
}

test.each([
  [{ type: 'savepoint' }, ['savepoint', '/default', 'none']],
  [{ type: 'savepoint', path: '/mine' }, ['savepoint', '/mine', 'none']],
  [{ type: 'savepoint', path: 's3://b/x' }, ['savepoint', 's3://b/x', 'none']],
  [{ type: 'savepoint', stop: true }, ['savepoint', '/default', 'suspend']],
  [{ type: 'savepoint', stop: true, drain: true }, ['savepoint', '/default', 'drain']],
  [{ type: 'stop' }, ['savepoint', '/default', 'suspend']],
  [{ type: 'stop', drain: true, path: '/mine' }, ['savepoint', '/mine', 'drain']],
])('%j asks the job for %j', async (message, call) => {
  const { calls, answers } = await answersTo({ ...message, requestId: 9 })
  expect(calls).toEqual([call])
  expect(answers).toEqual([{ type: 'savepoint', requestId: 9, id: 5, path: call[1], bytes: 10, durationMs: 1.5 }])
})

test('cancel and log-level have no answer', async () => {
  expect(await answersTo({ type: 'cancel' })).toEqual({ calls: [['cancel']], answers: [] })
  expect(await answersTo({ type: 'log-level', level: 'debug' })).toEqual({
    calls: [['log-level', 'debug']],
    answers: [],
  })
  expect((await answersTo({ type: 'log-level', level: 'warn', logger: 'window' })).calls).toEqual([
    ['logger-level', 'window', 'warn'],
  ])
  expect((await answersTo({ type: 'log-level', level: null, logger: 'window' })).calls).toEqual([
    ['logger-level', 'window', undefined],
  ])
})

test('metrics tell what the process is at', async () => {
  const { answers } = await answersTo({ type: 'metrics', requestId: 1 })
  expect(answers).toMatchObject([{ type: 'metrics', requestId: 1, state: 'RUNNING', restarts: 2, uptimeMs: 1234 }])
})

test.each([
  [{ type: 'checkpoint' }, { id: 6, path: null, bytes: 4, durationMs: 2 }],
  [{ type: 'plan' }, { plan: 'the plan' }],
  [{ type: 'details' }, { details: 'the details' }],
  [{ type: 'checkpoints' }, { checkpoints: 'the report' }],
  [
    { type: 'checkpoints', id: 6 },
    { checkpoints: 'the report', checkpoint: 'the sixth' },
  ],
  [
    { type: 'checkpoints', id: 7 },
    { checkpoints: 'the report', checkpoint: null },
  ],
])('%j is answered by %j', async (message, answer) => {
  const { answers } = await answersTo({ ...message, requestId: 2 })
  expect(answers).toEqual([{ type: message.type, requestId: 2, ...answer }])
})

test.each([
  [{ type: 'dance' }, 'COMMAND_UNKNOWN', "no command 'dance'"],
  [{}, 'COMMAND_UNKNOWN', "no command 'undefined'"],
  [{ type: 'savepoint', drain: true }, 'COMMAND_INVALID', "'drain' only goes with stop"],
  [{ type: 'stop', drain: 'yes' }, 'COMMAND_INVALID', "'drain' must be true or false"],
  [{ type: 'savepoint', path: 7 }, 'COMMAND_INVALID', "'path' must be text"],
  [{ type: 'checkpoints', id: 'x' }, 'COMMAND_INVALID', "'id' must be a number"],
  [{ type: 'log-level', level: null }, 'COMMAND_INVALID', "'level' must be one of"],
  [{ type: 'log-level', level: 'info', logger: 7 }, 'COMMAND_INVALID', "'logger' must be text"],
  [{ type: 'log-level', level: 'loud' }, 'COMMAND_INVALID', "'level' must be one of debug, info, warn, error"],
])('%j is refused: %s', async (message, code, text) => {
  const { calls, answers } = await answersTo({ ...message, requestId: 3 })
  expect(calls).toEqual([])
  expect(answers).toMatchObject([{ type: 'refused', requestId: 3, error: { code } }])
  expect((answers[0] as { error: { message: string } }).error.message).toContain(text)
})

test('an application that is still being loaded can be cancelled, and nothing else', async () => {
  const calls: unknown[] = []
  const loading = { ...target(calls), job: () => undefined }
  expect((await answersTo({ type: 'metrics' }, loading)).answers).toMatchObject([{ error: { code: 'NOT_RUNNING' } }])
  expect((await answersTo({ type: 'stop' }, loading)).answers).toMatchObject([{ error: { code: 'NOT_RUNNING' } }])
  await answersTo({ type: 'cancel' }, loading)
  expect(calls).toEqual([['cancel']])
})
