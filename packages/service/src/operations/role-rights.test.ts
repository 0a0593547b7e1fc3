import { beforeEach, expect, test, vi } from 'vitest'
import { createUser, jsonCall, manageAccess, sendSigned, type TestKey } from '../access/signed-request-fixture.ts'
import { bucket, bundle, create, endpoint, fromS3, objects, withCode } from './applications-endpoint-fixture.ts'

const poor = 'arn:aws:iam::000000000000:role/poor'
const rich = 'arn:aws:iam::000000000000:role/millrace-application'
const inS3 = fromS3({ BucketARN: bucket, FileKey: 'secret.zip' })
let key: TestKey

/** A call of the user, who may do everything with applications and pass the role that has nothing at AWS. */
const call = (operation: string, input: object) =>
  sendSigned(endpoint.url, key, jsonCall(`KinesisAnalytics_20180523.${operation}`, input))

const isRefused = (reason: RegExp) => ({
  status: 400,
  error: 'InvalidArgumentException',
  json: { message: expect.stringMatching(reason) },
})
const hint =
  "Role arn:aws:iam::000000000000:role/poor has no credentials for AWS.* 'millrace access roles aws poor node'"

beforeEach(async () => {
  await manageAccess(endpoint.url, endpoint.credentials, 'CreateRole', { RoleName: 'poor' })
  key = await createUser(endpoint.url, endpoint.credentials, 'ann', [
    { Effect: 'Allow', Action: 'kinesisanalytics:*', Resource: '*' },
    { Effect: 'Allow', Action: 'iam:PassRole', Resource: poor },
  ])
  objects.set(`${bucket}/secret.zip`, bundle)
})

test("who may not pass a role with rights at AWS can't have the node read code from there", async () => {
  const read = vi.spyOn(objects, 'get')
  const application = { RuntimeEnvironment: 'FLINK-1_20', ...inS3 }
  const created = (ServiceExecutionRole: string) =>
    call('CreateApplication', { ...application, ApplicationName: 'b', ServiceExecutionRole })
  expect(await created(poor)).toMatchObject(isRefused(new RegExp(`^Please check the role provided.*${hint}`)))
  expect(await created(rich)).toMatchObject({ status: 403, error: 'AccessDeniedException' })
  await create('a', { ...withCode(), ServiceExecutionRole: poor })
  const S3ContentLocationUpdate = { BucketARNUpdate: bucket, FileKeyUpdate: 'secret.zip' }
  const update = (more: object) =>
    call('UpdateApplication', {
      ApplicationName: 'a',
      CurrentApplicationVersionId: 1,
      ApplicationConfigurationUpdate: {
        ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { S3ContentLocationUpdate } },
      },
      ...more,
    })
  expect(await update({})).toMatchObject(isRefused(new RegExp(hint)))
  expect(await update({ ServiceExecutionRoleUpdate: rich })).toMatchObject({ status: 403 })
  expect(read).not.toHaveBeenCalled()
})

test('an update reads code with the rights of the role that it brings', async () => {
  await create('a', { ...withCode(), ServiceExecutionRole: poor })
  const S3ContentLocationUpdate = { BucketARNUpdate: bucket, FileKeyUpdate: 'secret.zip', ObjectVersionUpdate: 'v1' }
  const request = jsonCall('KinesisAnalytics_20180523.UpdateApplication', {
    ApplicationName: 'a',
    CurrentApplicationVersionId: 1,
    ServiceExecutionRoleUpdate: rich,
    ApplicationConfigurationUpdate: {
      ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { S3ContentLocationUpdate } },
    },
  })
  expect(await sendSigned(endpoint.url, endpoint.credentials, request)).toMatchObject({ status: 200 })
})

test('nor have it read or write snapshots', async () => {
  const prefix = { BucketARN: bucket, KeyPrefix: 'x' }
  const imported = (ImportRoleArn: string) =>
    call('ImportSnapshot', {
      SnapshotName: 's',
      ImportSourceConfiguration: { SourceType: 'S3', ImportRoleArn, SourceS3PrefixLocation: prefix },
    })
  expect(await imported(poor)).toMatchObject(isRefused(new RegExp(`^${hint}`)))
  expect(await imported(rich)).toMatchObject({ status: 403 })
})
