import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApplicationConfiguration, LoggingOption, VpcConfiguration } from './application-record.ts'

type Vpcs = NonNullable<ApplicationConfiguration['vpcs']>

/** Of each kind that an application may have. */
const mostOptions = 10

/** Amazon's ids: the version an option came with, and its number there. */
export function optionId(versionId: number, number = 1): string {
  return `${versionId}.${number}`
}

/** The VPCs of a new application; undefined when none were given. */
export function createdVpcs(given: readonly Shapes['VpcConfiguration'][]): Vpcs | undefined {
  if (given.length === 0) return undefined
  return limited(given.map((vpc, i) => vpcOf(vpc, optionId(1, i + 1))))
}

/** One more. */
export function addedVpc(before: Vpcs | undefined, vpc: Shapes['VpcConfiguration'], id: string): Vpcs {
  return limited([...(before ?? []), vpcOf(vpc, id)])
}

/** What isn't given of one stays. Errors: `InvalidArgumentException` for one that isn't there. */
export function updatedVpcs(before: Vpcs, updates: readonly Shapes['VpcConfigurationUpdate'][]): Vpcs | undefined {
  const byId = new Map(before.map((vpc) => [vpc.id, vpc]))
  for (const { VpcConfigurationId: id, SubnetIdUpdates, SecurityGroupIdUpdates } of updates) {
    const vpc = byId.get(id)
    if (vpc === undefined) throw invalidArgument(`There is no VPC configuration ${id}.`)
    const subnetIds = SubnetIdUpdates ?? vpc.subnetIds
    byId.set(id, { id, subnetIds, securityGroupIds: SecurityGroupIdUpdates ?? vpc.securityGroupIds })
  }
  return byId.size === 0 ? undefined : [...byId.values()]
}

/** Without it; undefined when none is left. Errors: `ResourceNotFoundException`. */
export function without<T extends { readonly id: string }>(
  options: readonly T[] | undefined,
  id: string,
): readonly T[] | undefined {
  const rest = (options ?? []).filter((option) => option.id !== id)
  if (rest.length === (options ?? []).length) {
    throw new ApiError('ResourceNotFoundException', `The application has no configuration ${id}.`)
  }
  return rest.length === 0 ? undefined : rest
}

/** The log streams of a new application; undefined when none were given. */
export function createdLoggingOptions(
  given: readonly Shapes['CloudWatchLoggingOption'][],
): readonly LoggingOption[] | undefined {
  if (given.length === 0) return undefined
  return limited(given.map(({ LogStreamARN: logStreamArn }, i) => ({ id: optionId(1, i + 1), logStreamArn })))
}

/** One more. */
export function addedLoggingOption(
  before: readonly LoggingOption[] | undefined,
  { LogStreamARN: logStreamArn }: Shapes['CloudWatchLoggingOption'],
  id: string,
): readonly LoggingOption[] {
  return limited([...(before ?? []), { id, logStreamArn }])
}

/** Errors: `InvalidArgumentException` for one that isn't there. */
export function updatedLoggingOptions(
  before: readonly LoggingOption[] | undefined,
  updates: readonly Shapes['CloudWatchLoggingOptionUpdate'][],
): readonly LoggingOption[] | undefined {
  const byId = new Map((before ?? []).map((option) => [option.id, option]))
  for (const { CloudWatchLoggingOptionId: id, LogStreamARNUpdate } of updates) {
    const option = byId.get(id)
    if (option === undefined) throw invalidArgument(`There is no CloudWatch logging option ${id}.`)
    byId.set(id, { id, logStreamArn: LogStreamARNUpdate ?? option.logStreamArn })
  }
  return byId.size === 0 ? undefined : [...byId.values()]
}

function vpcOf({ SubnetIds, SecurityGroupIds }: Shapes['VpcConfiguration'], id: string): VpcConfiguration {
  return { id, subnetIds: SubnetIds, securityGroupIds: SecurityGroupIds }
}

function limited<T>(options: readonly T[]): readonly T[] {
  if (options.length <= mostOptions) return options
  throw invalidArgument(`An application has at most ${mostOptions} of these; ${options.length} are too many.`)
}
