import {
  DescribeApplicationOperationCommand,
  StartApplicationCommand,
  UpdateApplicationCommand,
  type UpdateApplicationCommandInput,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { describe, expect, test } from 'vitest'
import { manageAccess } from '../access/signed-request-fixture.ts'
import {
  bucket,
  bundle,
  client,
  create,
  describeOf,
  endpoint,
  failure,
  fromS3,
  hash,
  lifecycle,
  objects,
  parallel,
  withCode,
  zipOf,
} from './applications-endpoint-fixture.ts'

describe('updating', () => {
  const ApplicationName = 'a'
  const update = (input: Partial<UpdateApplicationCommandInput>) =>
    client.send(new UpdateApplicationCommand({ ApplicationName, CurrentApplicationVersionId: 1, ...input }))

  test('changes what is given and leaves the rest, in a new version', async () => {
    await create('a', {
      ApplicationConfiguration: {
        ...withCode().ApplicationConfiguration,
        ...parallel({ ConfigurationType: 'CUSTOM', Parallelism: 2, AutoScalingEnabled: false })
          .ApplicationConfiguration,
        EnvironmentProperties: { PropertyGroups: [{ PropertyGroupId: 'g', PropertyMap: { a: '1' } }] },
      },
    })
    const other = zipOf({ 'main.mjs': 'export default 2' })
    await manageAccess(endpoint.url, endpoint.credentials, 'CreateRole', { RoleName: 'other' })
    const { ApplicationDetail: detail, OperationId } = await update({
      RuntimeEnvironmentUpdate: 'FLINK-2_2',
      ServiceExecutionRoleUpdate: 'arn:aws:iam::000000000000:role/other',
      ApplicationConfigurationUpdate: {
        ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { ZipFileContentUpdate: other } },
        FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { ParallelismUpdate: 4 } },
      },
    })
    expect(OperationId).toMatch(/./)
    expect(detail).toMatchObject({
      ApplicationStatus: 'UPDATING',
      ApplicationVersionId: 2,
      ApplicationVersionUpdatedFrom: 1,
      RuntimeEnvironment: 'FLINK-2_2',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/other',
      ApplicationConfigurationDescription: {
        ApplicationCodeConfigurationDescription: { CodeContentDescription: { CodeMD5: hash('md5', other) } },
        FlinkApplicationConfigurationDescription: {
          ParallelismConfigurationDescription: { Parallelism: 4, AutoScalingEnabled: false },
        },
        EnvironmentPropertyDescriptions: { PropertyGroupDescriptions: [{ PropertyMap: { a: '1' } }] },
      },
    })
    await lifecycle.finish('a')
    const { ApplicationOperationInfoDetails } = await client.send(
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId }),
    )
    expect(ApplicationOperationInfoDetails!.ApplicationVersionChangeDetails).toEqual({
      ApplicationVersionUpdatedFrom: 1,
      ApplicationVersionUpdatedTo: 2,
    })
  })

  test('replaces property groups, and goes back to the defaults with DEFAULT', async () => {
    await create('a', {
      ApplicationConfiguration: {
        ...parallel({ ConfigurationType: 'CUSTOM', Parallelism: 2 }).ApplicationConfiguration,
        EnvironmentProperties: { PropertyGroups: [{ PropertyGroupId: 'g', PropertyMap: { a: '1' } }] },
      },
    })
    const { ApplicationDetail: detail } = await update({
      ApplicationConfigurationUpdate: {
        FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { ConfigurationTypeUpdate: 'DEFAULT' } },
        EnvironmentPropertyUpdates: { PropertyGroups: [] },
        ApplicationSnapshotConfigurationUpdate: { SnapshotsEnabledUpdate: false },
      },
    })
    const described = detail!.ApplicationConfigurationDescription!
    expect(described.FlinkApplicationConfigurationDescription!.ParallelismConfigurationDescription).toMatchObject({
      ConfigurationType: 'DEFAULT',
      Parallelism: 1,
      AutoScalingEnabled: true,
    })
    expect(described.EnvironmentPropertyDescriptions).toBeUndefined()
    expect(described.ApplicationSnapshotConfigurationDescription).toEqual({ SnapshotsEnabled: false })
  })

  test('takes a new key in the same bucket', async () => {
    objects.set(`${bucket}/1.zip`, bundle)
    objects.set(`${bucket}/2.zip`, zipOf({ 'app.mjs': '2' }))
    await create('a', fromS3({ BucketARN: bucket, FileKey: '1.zip' }))
    const { ApplicationDetail: detail } = await update({
      ApplicationConfigurationUpdate: {
        ApplicationCodeConfigurationUpdate: {
          CodeContentUpdate: { S3ContentLocationUpdate: { FileKeyUpdate: '2.zip' } },
        },
      },
    })
    const code = detail!.ApplicationConfigurationDescription!.ApplicationCodeConfigurationDescription
    expect(code!.CodeContentDescription!.S3ApplicationCodeLocationDescription).toEqual({
      BucketARN: bucket,
      FileKey: '2.zip',
    })
  })

  test('forbids state to be left out unless it allows it again', async () => {
    await create()
    await client.send(
      new StartApplicationCommand({
        ApplicationName,
        RunConfiguration: { FlinkRunConfiguration: { AllowNonRestoredState: true } },
      }),
    )
    await lifecycle.finish('a')
    const { ApplicationDetail } = await update({})
    expect(ApplicationDetail!.ApplicationConfigurationDescription!.RunConfigurationDescription).toEqual({
      ApplicationRestoreConfigurationDescription: { ApplicationRestoreType: 'RESTORE_FROM_LATEST_SNAPSHOT' },
      FlinkRunConfigurationDescription: { AllowNonRestoredState: false },
    })
  })

  test('takes the version or the token of what it changes', async () => {
    const { ConditionalToken } = await create()
    const CurrentApplicationVersionId = undefined
    await expect(update({ CurrentApplicationVersionId })).rejects.toMatchObject(failure('InvalidRequestException'))
    await expect(update({ CurrentApplicationVersionId: 2 })).rejects.toMatchObject(
      failure('ConcurrentModificationException', /version 1/),
    )
    await expect(update({ CurrentApplicationVersionId, ConditionalToken: 'other' })).rejects.toMatchObject(
      failure('ConcurrentModificationException'),
    )
    await update({ CurrentApplicationVersionId, ConditionalToken })
    await lifecycle.finish('a')
    const { ApplicationVersionId, ConditionalToken: next } = await describeOf('a')
    expect([ApplicationVersionId, next === ConditionalToken]).toEqual([2, false])
  })

  test.each<{ it: string; input: Partial<UpdateApplicationCommandInput>; error: string }>([
    { it: 'a retired runtime', input: { RuntimeEnvironmentUpdate: 'FLINK-1_8' }, error: 'InvalidArgumentException' },
    {
      it: 'a CloudWatch logging option that is not there',
      input: { CloudWatchLoggingOptionUpdates: [{ CloudWatchLoggingOptionId: '1' }] },
      error: 'InvalidArgumentException',
    },
    {
      it: 'a chosen snapshot without its name',
      input: {
        RunConfigurationUpdate: {
          ApplicationRestoreConfiguration: { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT' },
        },
      },
      error: 'InvalidArgumentException',
    },
    {
      it: 'SQL text',
      input: {
        ApplicationConfigurationUpdate: {
          ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { TextContentUpdate: 'SELECT 1' } },
        },
      },
      error: 'CodeValidationException',
    },
    {
      it: 'half a place in S3',
      input: {
        ApplicationConfigurationUpdate: {
          ApplicationCodeConfigurationUpdate: {
            CodeContentUpdate: { S3ContentLocationUpdate: { FileKeyUpdate: 'k' } },
          },
        },
      },
      error: 'InvalidArgumentException',
    },
  ])('refuses $it and changes nothing', async ({ input, error }) => {
    const before = await create()
    await expect(update(input)).rejects.toMatchObject(failure(error))
    expect(await describeOf('a')).toEqual(before)
  })
})
