import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applicationOperations } from '../operations/index.ts'
import type { ServiceModel } from './model.ts'
import { serviceModel } from './service-model.ts'
import { validate } from './validate.ts'

const model: ServiceModel = {
  targetPrefix: 'T',
  operations: {},
  shapes: {
    Request: {
      type: 'structure',
      required: ['Name'],
      members: {
        Name: 'Name',
        Kind: 'Kind',
        Size: 'Size',
        IsOn: 'Flag',
        At: 'Time',
        Blob: 'Blob',
        Labels: 'Labels',
        Parts: 'Parts',
      },
    },
    Name: { type: 'string', min: 1, max: 5, pattern: '[a-z]+' },
    Kind: { type: 'string', enum: ['A', 'B'] },
    Size: { type: 'integer', min: 1, max: 9 },
    Flag: { type: 'boolean' },
    Time: { type: 'timestamp' },
    Blob: { type: 'blob', max: 4 },
    Labels: { type: 'map', key: 'Name', value: 'Kind', min: 1, max: 2 },
    Parts: { type: 'list', member: 'Part', max: 2 },
    Part: { type: 'structure', required: ['Id'], members: { Id: 'Name' } },
  },
}

const check = (value: unknown) => validate(model, 'Request', value)

test('takes what fits, with blobs decoded and null as absent', () => {
  const value = { Name: 'abc', Kind: 'B', Size: 9, IsOn: false, At: 1.5, Labels: { a: 'A' }, Parts: [{ Id: 'x' }] }
  expect(check({ ...value, Blob: 'AQID' })).toEqual({ ...value, Blob: Buffer.from([1, 2, 3]) })
  expect(check({ Name: 'a', Kind: null })).toEqual({ Name: 'a' })
})

test.each([
  { it: 'a missing member', value: {}, at: 'name', constraint: 'not be null' },
  {
    it: 'a text too short',
    value: { Name: '' },
    at: 'name',
    constraint: 'length greater than or equal to 1',
    shown: '',
  },
  { it: 'a text too long', value: { Name: 'abcdef' }, at: 'name', constraint: 'length less than or equal to 5' },
  { it: 'a text of another form', value: { Name: 'a b' }, at: 'name', constraint: 'pattern: \\[a-z\\]\\+' },
  { it: 'a form that only begins well', value: { Name: 'a\n' }, at: 'name', constraint: 'pattern' },
  { it: 'another word', value: { Name: 'a', Kind: 'C' }, at: 'kind', constraint: 'enum value set: \\[A, B\\]' },
  { it: 'a small number', value: { Name: 'a', Size: 0 }, at: 'size', constraint: 'value greater than or equal to 1' },
  { it: 'a large number', value: { Name: 'a', Size: 10 }, at: 'size', constraint: 'value less than or equal to 9' },
  { it: 'a large blob', value: { Name: 'a', Blob: 'AAAAAAA=' }, at: 'blob', constraint: 'less than or equal to 4' },
  { it: 'an empty map', value: { Name: 'a', Labels: {} }, at: 'labels', constraint: 'greater than or equal to 1' },
  { it: 'a key', value: { Name: 'a', Labels: { X: 'A' } }, at: 'labels.key', constraint: 'pattern' },
  { it: 'a value', value: { Name: 'a', Labels: { x: 'C' } }, at: 'labels.x', constraint: 'enum' },
  { it: 'a long list', value: { Name: 'a', Parts: [{}, {}, {}] }, at: 'parts', constraint: 'less than or equal to 2' },
  {
    it: 'a member',
    value: { Name: 'a', Parts: [{ Id: 'x' }, {}] },
    at: 'parts.2.member.id',
    constraint: 'not be null',
  },
])('tells $it by its path and constraint', ({ value, at, constraint }) => {
  const message = `^1 validation error detected: Value '[^']*' at '${at}' failed to satisfy constraint: Member must .*${constraint}`
  expect(() => check(value)).toThrow(
    expect.objectContaining({ type: 'InvalidArgumentException', message: expect.stringMatching(new RegExp(message)) }),
  )
})

test('tells every broken constraint at once, ten at most', () => {
  expect(() => check({ Kind: 'C', Size: 10 })).toThrow(/^3 validation errors detected: .*; .*; /)
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`No${i}`, 1]))
  expect(() => check({ Name: 'a', ...many })).toThrow(/^20 validation errors detected: .*; and 10 more$/)
})

test.each([
  { Name: 1 },
  { Name: 'a', Size: 1.5 },
  { Name: 'a', Size: '1' },
  { Name: 'a', IsOn: 'true' },
  { Name: 'a', At: 'now' },
  { Name: 'a', Blob: 'no base64' },
  { Name: 'a', Labels: [] },
  { Name: 'a', Parts: {} },
  { Name: 'a', Parts: [null] },
  [],
  null,
  'text',
])('a value of a wrong type is a SerializationException: %j', (value) => {
  expect(() => check(value)).toThrow(expect.objectContaining({ type: 'SerializationException' }))
})

test('a member that is not known is refused by name', () => {
  expect(() => check({ Name: 'a', DryRun: true })).toThrow(/'dryRun' is not a member that is known here/)
  expect(() => check(JSON.parse('{"Name":"a","__proto__":{"x":1}}'))).toThrow(/'__proto__' is not a member/)
  expect(() => check({ Name: 'a', toString: 1 })).toThrow(/'toString' is not a member/)
})

describe('the model of KinesisAnalyticsV2', () => {
  test('is closed: every shape that is named is there, and every operation has its place here', () => {
    const { shapes, operations } = serviceModel
    const named = [
      ...Object.values(operations).flatMap(({ input, output }) => [input, output]),
      ...Object.values(shapes).flatMap(({ members = {}, member, key, value }) => [
        ...Object.values(members),
        ...[member, key, value].filter((name) => name !== undefined),
      ]),
    ]
    expect(named.filter((name) => shapes[name] === undefined)).toEqual([])
    expect(Object.keys(operations)).toHaveLength(41)
    expect(Object.keys(applicationOperations).sort()).toEqual(Object.keys(operations).sort())
  })

  test('checks any JSON without a failure of its own', () => {
    const names = Object.values(serviceModel.operations).map(({ input }) => input)
    const members = [...new Set(names.flatMap((name) => Object.keys(serviceModel.shapes[name]!.members!)))]
    const request = fc.dictionary(fc.constantFrom(...members), fc.jsonValue())
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.oneof(request, fc.jsonValue()), (name, value) => {
        try {
          validate(serviceModel, name, value)
        } catch (error) {
          expect(['InvalidArgumentException', 'SerializationException']).toContain((error as { type?: string }).type)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
