import { EngineError, restoreEngineError, serializeError } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import type { IsolationSettings } from '../launchers/index.ts'
import { withOutsideHint } from './outside-hint.ts'

const shown = { readOnly: ['/data/given'], readWrite: ['/data/run', '/var/output'] }
const seen = { ...shown, means: { by: 'namespaces' } } as unknown as IsolationSettings
const ofOwnUser = { ...shown, means: { by: 'user' } } as unknown as IsolationSettings

/** As it comes from a job's process. */
const told = (error: Error): EngineError => restoreEngineError(serializeError(error))
const failed = (cause: Error): EngineError =>
  told(new EngineError('STORAGE_FAILED', { kind: 'unavailable', message: 'Could not append.', hint: 'Look.', cause }))

test.each([
  failed(new Error("EROFS: read-only file system, mkdir '/home/me/alerts'")),
  failed(new Error("EACCES: permission denied, open '/home/me/alerts'")),
  failed(new Error("ENOENT: no such file or directory, rename '/data/run/a' -> '/home/me/alerts'")),
  told(new EngineError('FILE_NOT_FOUND', { kind: 'invalid', message: 'none', details: { path: '/home/me/alerts' } })),
])('a path that an isolated application does not see: $message', (error) => {
  const hinted = withOutsideHint(error, seen)
  expect(hinted).toMatchObject({ code: error.code, kind: error.kind, message: error.message, stack: error.stack })
  expect(hinted.hint).toMatch(/doesn't see \/home\/me\/alerts: .* millrace serve --folder DIR/)
})

test('a folder that is shown but is not its own', () => {
  const error = failed(new Error("EACCES: permission denied, mkdir '/var/output/a'"))
  expect(withOutsideHint(error, seen).hint).toContain('chmod 1777')
})

test('as a user of its own it sees the machine, as far as others may', () => {
  const error = failed(new Error("EACCES: permission denied, open '/home/me/alerts'"))
  expect(withOutsideHint(error, ofOwnUser).hint).toMatch(/\/home\/me\/alerts .* may not use it so: .*chmod 1777/)
  const own = failed(new Error("EACCES: permission denied, open '/data/given/x'"))
  expect(withOutsideHint(own, ofOwnUser)).toBe(own)
})

test.each([
  failed(new Error("ENOENT: no such file or directory, open '/tmp/x'")),
  failed(new Error("EROFS: read-only file system, open '/data/given/x'")),
  failed(new Error("ENOSPC: no space left on device, write '/home/me/alerts'")),
  failed(new Error('ECONNREFUSED')),
  told(new EngineError('FILE_NOT_FOUND', { kind: 'invalid', message: 'none', details: { path: 's3://bucket/x' } })),
])('another failure stays as it is: $cause.message', (error) => {
  expect(withOutsideHint(error, seen)).toBe(error)
})
