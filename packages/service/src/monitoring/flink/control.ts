import { asEngineError, randomUuid, serializeError } from '@millrace/engine/spi'
import type { OperationRecord } from '../../applications/application-record.ts'
import { stackText } from './exceptions.ts'
import { badRequest, notFound } from './flink-error.ts'
import { requestedJob } from './flink-job.ts'
import type { FlinkAnswer, FlinkHandler, FlinkRequest } from './flink-request.ts'
import { requestBody, triggerIdOf } from './request-body.ts'
import type { TriggerState } from './triggers.ts'

/** `POST /jobs/:jobid/checkpoints`: a checkpoint besides the periodic ones. */
export const triggerCheckpoint: FlinkHandler = async (request) => {
  const { inspection } = await requestedJob(request)
  const id = triggerIdOf(requestBody(request)) ?? newTriggerId(request)
  const { triggers } = request.context
  triggers.start(request.application.name, id, async () => ({ checkpointId: (await inspection.takeCheckpoint()).id }))
  return accepted(id)
}

/** `POST /jobs/:jobid/savepoints`: a savepoint while the job goes on; `cancel-job`: as `stop`. */
export const triggerSavepoint: FlinkHandler = async (request) => {
  const { inspection } = await requestedJob(request)
  const body = requestBody(request)
  refuseTarget(body['target-directory'])
  if (body['cancel-job'] === true) return stopWith(request, body)
  const id = triggerIdOf(body) ?? newTriggerId(request)
  request.context.triggers.start(request.application.name, id, async () => ({
    location: (await inspection.takeSavepoint()).path,
  }))
  return accepted(id)
}

/** `POST /jobs/:jobid/stop`: stops the application with its state saved, as StopApplication does. */
export const stop: FlinkHandler = async (request) => {
  await requestedJob(request)
  const body = requestBody(request)
  refuseTarget(body['targetDirectory'])
  return stopWith(request, body)
}

/** `PATCH /jobs/:jobid?mode=cancel`: stops the application by force, without a savepoint. */
export const cancel: FlinkHandler = async (request) => {
  await requestedJob(request)
  const mode = request.query.get('mode') ?? 'cancel'
  if (mode !== 'cancel') {
    throw badRequest(`The termination mode "${mode}" is not offered: cancel, or POST to stop.`)
  }
  await request.context.lifecycle.stop(request.application, { force: true })
  return { json: {}, status: 202 }
}

/** `GET /jobs/:jobid/checkpoints/:triggerid` and `/jobs/:jobid/savepoints/:triggerid`: how far it has come. */
export const triggerStatus: FlinkHandler = async (request) => {
  const { context, application, path } = request
  const id = (path[1] ?? '').toLowerCase()
  const { triggers } = context
  const state =
    triggers.state(application.name, id) ?? (await operationState(request, triggers.named(application.name, id)))
  if (state === undefined) throw notFound(`There is no operation with the trigger id ${id}.`)
  return { json: describeState(state) }
}

async function stopWith(request: FlinkRequest, body: Readonly<Record<string, unknown>>): Promise<FlinkAnswer> {
  const { context, application } = request
  const asked = triggerIdOf(body)
  if (asked !== undefined && context.triggers.knows(application.name, asked)) return accepted(asked)
  const { operation } = await context.lifecycle.stop(application, { drain: body['drain'] === true })
  // The operation's own id outlives this process; one that the client chose is known to this process only.
  const own = operation.id.replaceAll('-', '')
  if (asked !== undefined) context.triggers.rename(application.name, asked, own)
  return accepted(asked ?? own)
}

/** A stop's operation, by its id without dashes. */
async function operationState(request: FlinkRequest, id: string): Promise<TriggerState | undefined> {
  const { context, application } = request
  const uuid = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(id)
  if (uuid === null) return undefined
  const operation = await context.store.operation(application.name, uuid.slice(1).join('-'))
  if (operation?.name !== 'StopApplication') return undefined
  if (operation.status === 'IN_PROGRESS') return { status: 'IN_PROGRESS' }
  if (operation.status === 'SUCCESSFUL') return { status: 'COMPLETED', result: await leftBehind(request, operation) }
  const message = operation.error ?? 'The stop failed.'
  return { status: 'FAILED', error: asEngineError({ code: 'STOP_FAILED', kind: 'unavailable', message }) }
}

/** The snapshot that the stop has left; the savepoint that the job ended with, where it isn't one. */
async function leftBehind(
  { context, application, inspection }: FlinkRequest,
  { startedMs }: OperationRecord,
): Promise<Readonly<Record<string, unknown>>> {
  const snapshot = await context.store.latestSnapshot(application.name, application.createdMs)
  // A snapshot's time is in whole seconds.
  if (snapshot !== undefined && snapshot.createdMs >= startedMs - 1000) return { location: snapshot.folder }
  const savepoint = (await inspection?.checkpoints())?.latest.savepoint
  return savepoint?.stops === true && savepoint.path !== null ? { location: savepoint.path } : {}
}

function describeState(state: TriggerState) {
  if (state.status === 'IN_PROGRESS') return { status: { id: 'IN_PROGRESS' }, operation: null }
  if (state.status === 'COMPLETED') return { status: { id: 'COMPLETED' }, operation: state.result }
  const error = serializeError(state.error)
  const cause = { class: error.code, 'stack-trace': stackText(error) }
  return { status: { id: 'COMPLETED' }, operation: { 'failure-cause': cause } }
}

function accepted(id: string): FlinkAnswer {
  return { json: { 'request-id': id }, status: 202 }
}

function newTriggerId({ context }: FlinkRequest): string {
  return randomUuid(context.random).replaceAll('-', '')
}

/** The service decides where state lies: a path from outside would be one on its own disk. */
function refuseTarget(directory: unknown): void {
  if (directory === undefined || directory === null) return
  throw badRequest("Savepoints go to the application's own folder: leave the target directory out.")
}
