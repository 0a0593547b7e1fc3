import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePolicy } from './policy-document.ts'
import { PolicySet } from './policy-set.ts'

type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
interface PlainStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: readonly string[]
  readonly NotAction?: readonly string[]
  readonly Resource?: readonly string[]
  readonly NotResource?: readonly string[]
  readonly Condition?: Conditions
}
type Keys = Readonly<Record<string, readonly string[]>>

/** IAM's rules read off its manual, letter by letter, recursion and all: slow and plain. */
function naiveDecision(statements: readonly PlainStatement[], action: string, resource: string, keys: Keys): string {
  const applying = statements.filter((one) => naiveApplies(one, action, resource, keys))
  if (applying.some(({ Effect }) => Effect === 'Deny')) return 'explicit'
  return applying.length > 0 ? 'allowed' : 'implicit'
}

function naiveApplies(one: PlainStatement, action: string, resource: string, keys: Keys): boolean {
  const actionFits = (pattern: string) => naiveGlob(pattern.toLowerCase(), action.toLowerCase())
  if (one.Action !== undefined && !one.Action.some(actionFits)) return false
  if (one.NotAction?.some(actionFits)) return false
  if (one.Resource !== undefined && !one.Resource.some((pattern) => naiveGlob(substitute(pattern, keys), resource))) {
    return false
  }
  if (one.NotResource?.some((pattern) => naiveGlob(substitute(pattern, keys), resource))) return false
  return Object.entries(one.Condition ?? {}).every(([operator, tests]) =>
    Object.entries(tests).every(([key, values]) => naiveCondition(operator, keys[key] ?? [], values, keys)),
  )
}

function naiveCondition(operator: string, present: readonly string[], values: readonly string[], keys: Keys): boolean {
  if (operator === 'Null') return (present.length === 0) === (values[0] === 'true')
  if (operator.endsWith('IfExists')) {
    return present.length === 0 || naiveCondition(operator.slice(0, -'IfExists'.length), present, values, keys)
  }
  const fits = (name: string) => (value: string) => naiveHolds(name, value, values, keys)
  if (operator.startsWith('ForAllValues:')) return present.every(fits(operator.slice('ForAllValues:'.length)))
  if (operator.startsWith('ForAnyValue:')) return present.some(fits(operator.slice('ForAnyValue:'.length)))
  if (operator.includes('Not')) return present.every(fits(operator))
  return present.some(fits(operator))
}

function naiveHolds(operator: string, value: string, values: readonly string[], keys: Keys): boolean {
  switch (operator) {
    case 'StringEquals':
      return values.some((one) => substitute(one, keys) === value)
    case 'StringNotEquals':
      return values.every((one) => substitute(one, keys) !== value)
    case 'StringEqualsIgnoreCase':
      return values.some((one) => substitute(one, keys).toLowerCase() === value.toLowerCase())
    case 'StringLike':
      return values.some((one) => naiveGlob(substitute(one, keys), value))
    case 'StringNotLike':
      return !values.some((one) => naiveGlob(substitute(one, keys), value))
    default:
      throw new Error(operator)
  }
}

function naiveGlob(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return naiveGlob(pattern.slice(1), text) || (text !== '' && naiveGlob(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && naiveGlob(pattern.slice(1), text.slice(1))
}

/** The generated values have no wildcards, so that text may stand for them. A user there always is. */
function substitute(pattern: string, keys: Keys): string {
  return pattern.replaceAll(/\$\{aws:username\}/g, keys['aws:username']![0]!)
}

const word = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'aab', 'bob', 'Bob', 'A')
const glob = fc
  .array(fc.constantFrom('a', 'b', '*', '?', `$\{aws:username}`), { maxLength: 4 })
  .map((all) => all.join(''))
const actionGlob = fc
  .array(fc.constantFrom('a', 'B', '*', '?'), { minLength: 1, maxLength: 4 })
  .map((all) => all.join(''))
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 })

const conditionKey = fc.constantFrom('aws:username', 'aws:requesttag/team', 'aws:tagkeys')
const operator = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', 'ForAllValues:', 'ForAnyValue:'),
      fc.constantFrom('StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringLike', 'StringNotLike'),
      fc.constantFrom('', 'IfExists'),
    )
    .map((parts) => parts.join('')),
)
const conditions: fc.Arbitrary<Conditions> = fc.oneof(
  fc.dictionary(operator, fc.dictionary(conditionKey, some(fc.oneof(word, glob)), { minKeys: 1 }), { maxKeys: 2 }),
  fc.record({ Null: fc.dictionary(conditionKey, fc.constantFrom(['true'], ['false']), { minKeys: 1 }) }),
)
const action = some(
  fc.oneof(
    fc.constant('*'),
    actionGlob.map((name) => `test:${name}`),
  ),
)
const resource = some(
  fc.oneof(
    fc.constant('*'),
    glob.map((name) => `arn:aws:test:::x${name}`),
  ),
)
const statement: fc.Arbitrary<PlainStatement> = fc
  .tuple(
    fc.constantFrom('Allow' as const, 'Deny' as const),
    fc.oneof(fc.record({ Action: action }), fc.record({ NotAction: action })),
    fc.oneof(fc.record({ Resource: resource }), fc.record({ NotResource: resource })),
    fc.oneof(fc.constant({}), fc.record({ Condition: conditions })),
  )
  .map(([Effect, actions, resources, condition]) => ({ Effect, ...actions, ...resources, ...condition }))
const keys: fc.Arbitrary<Keys> = fc
  .tuple(
    word.filter((name) => name !== ''),
    fc.option(word),
    fc.array(word, { maxLength: 3 }),
  )
  .map(([user, team, tagKeys]) => ({
    'aws:username': [user],
    ...(team === null ? {} : { 'aws:requesttag/team': [team] }),
    ...(tagKeys.length === 0 ? {} : { 'aws:tagkeys': tagKeys }),
  }))
const request = fc.record({
  action: fc.constantFrom('test:a', 'test:B', 'test:ab', 'test:AB', 'test:bab', 'other:a'),
  resource: word.map((name) => `arn:aws:test:::x${name}`),
})

test('policies decide as their definition says', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 4 }), request, keys, (statements, { action, resource }, present) => {
      const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements })
      const set = new PolicySet(statements.length === 0 ? [] : parsePolicy(policy))
      const decided = set.decide(action, resource, () => new Map(Object.entries(present)))
      seen.add(decided)
      expect(decided).toBe(naiveDecision(statements, action, resource, present))
    }),
    { numRuns: 5_000 },
  )
  expect([...seen].sort()).toEqual(['allowed', 'explicit', 'implicit'])
})

test('a further denial never allows, a further allowance never denies', () => {
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 3 }), statement, request, keys, (before, more, asked, present) => {
      const decide = (all: readonly PlainStatement[]) =>
        new PolicySet(
          all.length === 0 ? [] : parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: all })),
        ).decide(asked.action, asked.resource, () => new Map(Object.entries(present)))
      const [first, second] = [decide(before), decide([...before, more])]
      if (more.Effect === 'Deny') expect(second === 'allowed' && first !== 'allowed').toBe(false)
      else expect(first === 'allowed' && second !== 'allowed').toBe(false)
    }),
  )
})
