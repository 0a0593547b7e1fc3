import type { ApplicationRecord, OperationRecord } from '../applications/application-record.ts'
import { describeApplication } from '../applications/describe-application.ts'
import { createdConfiguration } from '../applications/requested-configuration.ts'
import { refuseRuntime } from '../applications/runtime-environment.ts'
import { createdLoggingOptions } from '../applications/surroundings-options.ts'
import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import { randomUuid } from '../wire/request-id.ts'
import { type ApplicationContext, MAX_TAGS, type Operation, unsupported } from './operation.ts'
import { checkNewMode } from './snapshot-mode.ts'
import { tagsOf } from './tag-list.ts'

const MAX_APPLICATIONS = 100

export const createApplication: Operation<'CreateApplication'> = async (input, context) => {
  const { store } = context
  const name = input.ApplicationName
  refuse(input)
  const tags = tagsOf(input.Tags ?? [])
  if (Object.keys(tags).length > MAX_TAGS) {
    throw new ApiError('TooManyTagsException', `An application has at most ${MAX_TAGS} tags.`)
  }
  if ((await store.application(name)) !== undefined) throw nameInUse(name)
  if ((await store.allApplications()).length >= MAX_APPLICATIONS) {
    throw new ApiError('LimitExceededException', `There are ${MAX_APPLICATIONS} applications: no more are allowed.`)
  }
  const owner = { name, serviceExecutionRole: input.ServiceExecutionRole }
  const configuration = await createdConfiguration(owner, input.ApplicationConfiguration, context.codeStore)
  const application = newApplication(input, configuration, context)
  const created = await store.createApplication(application, tags, creation(application, context))
  if (!created) throw nameInUse(name)
  return { ApplicationDetail: describeApplication(application) }
}

function refuse(input: Shapes['CreateApplicationRequest']): void {
  // They fit the pattern, but name no folder of their own.
  if (input.ApplicationName === '.' || input.ApplicationName === '..') {
    throw invalidArgument(`'${input.ApplicationName}' can't be the name of an application.`)
  }
  refuseRuntime(input.RuntimeEnvironment)
  const { ApplicationSnapshotConfiguration } = input.ApplicationConfiguration ?? {}
  checkNewMode(ApplicationSnapshotConfiguration?.SnapshotMode, input.RuntimeEnvironment)
  if (input.ApplicationMode === 'INTERACTIVE') throw unsupported('ApplicationMode INTERACTIVE is not offered here.')
}

function newApplication(
  input: Shapes['CreateApplicationRequest'],
  configuration: ApplicationRecord['configuration'],
  { account, clock, random }: ApplicationContext,
): ApplicationRecord {
  const createdMs = Math.floor(clock.now() / 1000) * 1000
  const name = input.ApplicationName
  return {
    name,
    arn: `arn:aws:kinesisanalytics:${account.region}:${account.accountId}:application/${name}`,
    description: input.ApplicationDescription,
    runtimeEnvironment: input.RuntimeEnvironment,
    serviceExecutionRole: input.ServiceExecutionRole,
    mode: 'STREAMING',
    status: 'READY',
    versionId: 1,
    createdMs,
    lastUpdatedMs: createdMs,
    conditionalToken: randomUuid(random),
    configuration,
    runConfiguration: undefined,
    versionUpdatedFrom: undefined,
    epoch: 0,
    lineage: undefined,
    versionCreatedMs: createdMs,
    loggingOptions: createdLoggingOptions(input.CloudWatchLoggingOptions ?? []),
  }
}

function creation({ name, createdMs }: ApplicationRecord, { random }: ApplicationContext): OperationRecord {
  return {
    id: randomUuid(random),
    applicationName: name,
    name: 'CreateApplication',
    status: 'SUCCESSFUL',
    startedMs: createdMs,
    endedMs: createdMs,
    statusBefore: 'READY',
    versionFrom: undefined,
    versionTo: undefined,
    arguments: {},
    error: undefined,
  }
}

function nameInUse(name: string): ApiError {
  return new ApiError('ResourceInUseException', `There is an application ${name} already.`)
}
