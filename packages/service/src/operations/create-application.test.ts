import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CreateApplicationCommandInput,
  ListApplicationsCommand,
  type PropertyGroup,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import {
  arnOf,
  bucket,
  bundle,
  client,
  configured,
  create,
  describeOf,
  directory,
  failure,
  fromS3,
  hash,
  lifecycle,
  objects,
  parallel,
  tags,
  text,
  withCode,
  zipOf,
} from './applications-endpoint-fixture.ts'

/** Names that mean something to JavaScript are names like others. */
const strangeGroup: PropertyGroup = { PropertyGroupId: '__proto__', PropertyMap: { constructor: 'x' } }

describe('creating', () => {
  test('describes the defaults of what was not given', async () => {
    expect(await create('a', {})).toEqual({
      ApplicationARN: arnOf('a'),
      ApplicationName: 'a',
      RuntimeEnvironment: 'FLINK-1_20',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
      ApplicationStatus: 'READY',
      ApplicationVersionId: 1,
      ApplicationMode: 'STREAMING',
      CreateTimestamp: expect.any(Date),
      LastUpdateTimestamp: expect.any(Date),
      ApplicationVersionCreateTimestamp: expect.any(Date),
      ConditionalToken: expect.stringMatching(/^[a-zA-Z0-9-]{36}$/),
      ApplicationMaintenanceConfigurationDescription: {
        ApplicationMaintenanceWindowStartTime: '03:00',
        ApplicationMaintenanceWindowEndTime: '11:00',
      },
      ApplicationConfigurationDescription: {
        FlinkApplicationConfigurationDescription: {
          CheckpointConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            CheckpointingEnabled: true,
            CheckpointInterval: 60_000,
            MinPauseBetweenCheckpoints: 5_000,
          },
          MonitoringConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            MetricsLevel: 'APPLICATION',
            LogLevel: 'INFO',
          },
          ParallelismConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            Parallelism: 1,
            ParallelismPerKPU: 1,
            CurrentParallelism: 1,
            AutoScalingEnabled: true,
          },
        },
        ApplicationSnapshotConfigurationDescription: { SnapshotsEnabled: true },
        ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: false },
        ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
      },
    })
  })

  test('describes what was given, and keeps the code by its content', async () => {
    await create('a', {
      ApplicationDescription: 'finds fraud',
      ApplicationMode: 'STREAMING',
      ApplicationConfiguration: {
        ...withCode().ApplicationConfiguration,
        FlinkApplicationConfiguration: {
          CheckpointConfiguration: {
            ConfigurationType: 'CUSTOM',
            CheckpointInterval: 1_000,
            CheckpointingEnabled: false,
          },
          MonitoringConfiguration: { ConfigurationType: 'CUSTOM', LogLevel: 'DEBUG', MetricsLevel: 'OPERATOR' },
          ParallelismConfiguration: {
            ConfigurationType: 'CUSTOM',
            Parallelism: 6,
            ParallelismPerKPU: 4,
            AutoScalingEnabled: false,
          },
        },
        EnvironmentProperties: {
          PropertyGroups: [
            {
              PropertyGroupId: '__proto__',
              PropertyMap: { constructor: 'x' } as Record<string, string> as Record<string, string>,
            },
            { PropertyGroupId: 'limits', PropertyMap: { 'max.amount': '100' } },
          ],
        },
        ApplicationSnapshotConfiguration: { SnapshotsEnabled: false },
        ApplicationSystemRollbackConfiguration: { RollbackEnabled: true },
      },
    })
    const { ApplicationDescription, ApplicationConfigurationDescription: described } = await describeOf('a')
    expect(ApplicationDescription).toBe('finds fraud')
    expect(described).toEqual({
      ApplicationCodeConfigurationDescription: {
        CodeContentType: 'ZIPFILE',
        CodeContentDescription: { CodeMD5: hash('md5', bundle), CodeSize: bundle.length },
      },
      FlinkApplicationConfigurationDescription: {
        CheckpointConfigurationDescription: {
          ConfigurationType: 'CUSTOM',
          CheckpointingEnabled: false,
          CheckpointInterval: 1_000,
          MinPauseBetweenCheckpoints: 5_000,
        },
        MonitoringConfigurationDescription: {
          ConfigurationType: 'CUSTOM',
          MetricsLevel: 'OPERATOR',
          LogLevel: 'DEBUG',
        },
        ParallelismConfigurationDescription: {
          ConfigurationType: 'CUSTOM',
          Parallelism: 6,
          ParallelismPerKPU: 4,
          CurrentParallelism: 6,
          AutoScalingEnabled: false,
        },
      },
      EnvironmentPropertyDescriptions: {
        PropertyGroupDescriptions: [strangeGroup, { PropertyGroupId: 'limits', PropertyMap: { 'max.amount': '100' } }],
      },
      ApplicationSnapshotConfigurationDescription: { SnapshotsEnabled: false },
      ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: true },
      ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
    })
    const { code } = (await lifecycle.surroundings.store.application('a'))!.configuration
    expect(code!.file).toBe(`apps/a/code/${hash('sha256', bundle)}.zip`)
    expect(await readFile(join(directory, code!.file))).toEqual(Buffer.from(bundle))
  })

  test('takes code from S3 and describes where it came from', async () => {
    objects.set(`${bucket}/fraud.zip`, bundle)
    await create('a', fromS3({ BucketARN: bucket, FileKey: 'fraud.zip' }))
    const { ApplicationConfigurationDescription: described } = await describeOf('a')
    expect(described!.ApplicationCodeConfigurationDescription).toEqual({
      CodeContentType: 'ZIPFILE',
      CodeContentDescription: {
        CodeMD5: hash('md5', bundle),
        CodeSize: bundle.length,
        S3ApplicationCodeLocationDescription: { BucketARN: bucket, FileKey: 'fraud.zip' },
      },
    })
  })

  const refusals: {
    it: string
    more?: Partial<CreateApplicationCommandInput>
    name?: string
    error: string
    message?: RegExp
  }[] = [
    {
      it: 'a name with a blank',
      name: 'a b',
      error: 'InvalidArgumentException',
      message: /at 'applicationName' failed/,
    },
    { it: 'a name that is a way up', name: '..', error: 'InvalidArgumentException', message: /can't be the name/ },
    { it: 'a name too long', name: 'a'.repeat(129), error: 'InvalidArgumentException', message: /equal to 128/ },
    {
      it: 'another word than the allowed',
      more: { RuntimeEnvironment: 'FLINK-2_0' as never },
      error: 'InvalidArgumentException',
      message:
        /^1 validation error detected: Value 'FLINK-2_0' at 'runtimeEnvironment' failed to satisfy constraint: Member must satisfy enum value set: \[SQL-1_0, /,
    },
    {
      it: 'no role',
      more: { ServiceExecutionRole: undefined },
      error: 'InvalidArgumentException',
      message: /not be null/,
    },
    { it: 'a retired runtime', more: { RuntimeEnvironment: 'FLINK-1_11' }, error: 'InvalidArgumentException' },
    { it: 'SQL-1_0', more: { RuntimeEnvironment: 'SQL-1_0' }, error: 'UnsupportedOperationException' },
    { it: 'Zeppelin', more: { RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0' }, error: 'UnsupportedOperationException' },
    { it: 'INTERACTIVE', more: { ApplicationMode: 'INTERACTIVE' }, error: 'UnsupportedOperationException' },
    {
      it: 'a key of its own',
      more: configured({ ApplicationEncryptionConfiguration: { KeyType: 'CUSTOMER_MANAGED_KEY', KeyId: 'arn:k' } }),
      error: 'UnsupportedOperationException',
    },
    {
      it: 'parallelism without CUSTOM',
      more: parallel({ ConfigurationType: 'DEFAULT', Parallelism: 2 }),
      error: 'InvalidArgumentException',
      message: /must be CUSTOM/,
    },
    {
      it: 'more KPUs than there are',
      more: parallel({ ConfigurationType: 'CUSTOM', Parallelism: 65 }),
      error: 'LimitExceededException',
      message: /65 KPUs/,
    },
    {
      it: 'more parallelism than there is',
      more: parallel({ ConfigurationType: 'CUSTOM', Parallelism: 257, ParallelismPerKPU: 8 }),
      error: 'LimitExceededException',
    },
    {
      it: 'too full a KPU',
      more: parallel({ ConfigurationType: 'CUSTOM', ParallelismPerKPU: 9 }),
      error: 'InvalidArgumentException',
    },
    {
      it: 'checkpoints all the time',
      more: configured({
        FlinkApplicationConfiguration: {
          CheckpointConfiguration: { ConfigurationType: 'CUSTOM', CheckpointInterval: 999 },
        },
      }),
      error: 'InvalidArgumentException',
    },
    {
      it: 'two property groups of one id',
      more: configured({
        EnvironmentProperties: {
          PropertyGroups: [
            { PropertyGroupId: 'g', PropertyMap: { a: '1' } },
            { PropertyGroupId: 'g', PropertyMap: { b: '2' } },
          ],
        },
      }),
      error: 'InvalidArgumentException',
      message: /same PropertyGroupId/,
    },
    {
      it: '51 property groups',
      more: configured({
        EnvironmentProperties: {
          PropertyGroups: Array.from({ length: 51 }, (_, i) => ({ PropertyGroupId: `g${i}`, PropertyMap: { a: '1' } })),
        },
      }),
      error: 'InvalidArgumentException',
      message: /propertyGroups' failed/,
    },
    { it: '51 tags', more: { Tags: tags(51) }, error: 'TooManyTagsException' },
    {
      it: 'a tag twice',
      more: { Tags: [{ Key: 'k' }, { Key: 'k', Value: 'v' }] },
      error: 'InvalidArgumentException',
      message: /same Key/,
    },
    {
      it: 'a reserved tag',
      more: { Tags: [{ Key: 'AWS:x' }] },
      error: 'InvalidArgumentException',
      message: /reserved/,
    },
    { it: 'SQL text', more: text('SELECT 1'), error: 'CodeValidationException', message: /SQL runtime/ },
    {
      it: 'a JAR',
      more: withCode(zipOf({ 'META-INF/MANIFEST.MF': 'x' })),
      error: 'CodeValidationException',
      message: /Flink runtime/,
    },
    {
      it: 'code of no kind',
      more: withCode(Buffer.from('x')),
      error: 'CodeValidationException',
      message: /isn't a zip/,
    },
    {
      it: 'a path that leads out',
      more: withCode(zipOf({ 'app.mjs': '', '../x': '' })),
      error: 'CodeValidationException',
      message: /leads out/,
    },
    {
      it: 'code in two places',
      more: configured({
        ApplicationCodeConfiguration: {
          CodeContentType: 'ZIPFILE',
          CodeContent: { ZipFileContent: bundle, S3ContentLocation: { BucketARN: bucket, FileKey: 'k' } },
        },
      }),
      error: 'InvalidArgumentException',
      message: /exactly one/,
    },
    {
      it: 'no code where some is announced',
      more: configured({ ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE' } }),
      error: 'InvalidArgumentException',
      message: /exactly one/,
    },
    {
      it: 'an object that is missing',
      more: fromS3({ BucketARN: bucket, FileKey: 'none.zip' }),
      error: 'InvalidArgumentException',
      message:
        /^Please check the role provided or validity of S3 location you provided.*none\.zip.*code\. no such key\.$/,
    },
  ]
  test.each(refusals)('refuses $it', async ({ name = 'a', more = {}, error, message }) => {
    await expect(create(name, more)).rejects.toMatchObject(failure(error, message))
    expect((await client.send(new ListApplicationsCommand({}))).ApplicationSummaries).toEqual([])
  })

  test('refuses a name in use, and the hundred-and-first', async () => {
    await create('a', {})
    await expect(create('a', {})).rejects.toMatchObject(failure('ResourceInUseException'))
    for (let i = 1; i < 100; i++) await create(`a${i}`, {})
    await expect(create('b', {})).rejects.toMatchObject(failure('LimitExceededException', /100 applications/))
  })

  test('of one name at once succeeds once', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => create()))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason.name).toBe('ResourceInUseException')
    expect((await lifecycle.surroundings.store.listOperations('a', {}, undefined, 9)).items).toHaveLength(1)
  })

  test('takes 50 MiB of code inline', async () => {
    const large = zipSync({ 'app.mjs': Buffer.from('1'), blob: [randomBytes(49 << 20), { level: 0 }] })
    await create('a', withCode(large))
    const detail = (await describeOf('a')).ApplicationConfigurationDescription!.ApplicationCodeConfigurationDescription
    expect(detail!.CodeContentDescription!.CodeSize).toBe(large.length)
  })
})
