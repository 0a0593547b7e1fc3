import { EngineError } from '@millrace/engine'
import { readProperties } from '../application/properties.ts'
import { allPages } from './all-pages.ts'
import { answer, table, withService } from './answer.ts'
import { type SettingsOptions, settingsOf, updateApplication } from './application-change.ts'
import { existing, tell } from './apps-command.ts'
import { followOperation } from './follow-operation.ts'
import type { ServiceOptions } from './service-connection.ts'

/** What `millrace apps update` was asked for. */
export interface UpdateOptions extends ServiceOptions, SettingsOptions {
  readonly properties?: string
  readonly allowNonRestoredState: boolean
}

/** Changes how an application runs, with the code it has. */
export function updateCommand(name: string, options: UpdateOptions): Promise<number> {
  return withService(options, async (connection) => {
    const { properties, allowNonRestoredState, json } = options
    const settings = settingsOf(undefined, properties === undefined ? {} : readProperties(properties, '.'), options)
    if (Object.values(settings).every((value) => value === undefined)) throw nothingToChange(name)
    const before = await existing(connection, name)
    tell(json, await updateApplication(connection, name, settings, before, allowNonRestoredState))
  })
}

/** Brings the version before back, with the newest state, and waits until it runs. */
export function rollbackCommand(name: string, options: ServiceOptions): Promise<number> {
  return withService(options, async (connection) => {
    const { client, api } = connection
    const { ApplicationVersionId } = await existing(connection, name)
    const command = new api.RollbackApplicationCommand({
      ApplicationName: name,
      CurrentApplicationVersionId: ApplicationVersionId,
    })
    const { OperationId } = await client.send(command)
    tell(options.json, await followOperation(connection, name, OperationId))
  })
}

/** Lists an application's versions, newest first. */
export function versionsCommand(name: string, options: ServiceOptions): Promise<number> {
  return withService(options, async ({ client, api }) => {
    const versions = await allPages(
      (NextToken) => client.send(new api.ListApplicationVersionsCommand({ ApplicationName: name, NextToken })),
      (page) => page.ApplicationVersionSummaries,
    )
    const rows = versions.map((one) => [String(one.ApplicationVersionId), one.ApplicationStatus])
    const short = versions.map((one) => ({ version: one.ApplicationVersionId, status: one.ApplicationStatus }))
    answer(options.json, { versions: short }, table(rows))
  })
}

/** Lists the operations on an application, newest first. */
export function operationsCommand(name: string, options: ServiceOptions): Promise<number> {
  return withService(options, async ({ client, api }) => {
    const operations = await allPages(
      (NextToken) => client.send(new api.ListApplicationOperationsCommand({ ApplicationName: name, NextToken })),
      (page) => page.ApplicationOperationInfoList,
    )
    const short = operations.map((one) => ({
      id: one.OperationId,
      operation: one.Operation,
      status: one.OperationStatus,
      started: one.StartTime?.toISOString(),
      ended: one.EndTime?.toISOString(),
    }))
    const rows = short.map(({ started, operation, status }) => [started, operation, status])
    answer(options.json, { operations: short }, table(rows))
  })
}

function nothingToChange(name: string): EngineError {
  return new EngineError('NOTHING_TO_CHANGE', {
    kind: 'invalid',
    message: `Nothing was said that ${name} should be changed to.`,
    hint: 'millrace apps update --help tells the options; new code goes there by millrace deploy.',
  })
}
