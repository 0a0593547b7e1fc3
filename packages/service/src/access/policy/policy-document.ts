import { ApiError } from '../../wire/api-error.ts'
import { type Condition, compileCondition } from './condition.ts'
import { conditionKeyNames, isConditionKey } from './condition-keys.ts'
import { Pattern } from './pattern.ts'
import { type Json, JsonError, parseStrictJson } from './strict-json.ts'

/** A statement that can be evaluated. `negated`: of NotAction and NotResource. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny'
  /** On the action's name in lower case. */
  readonly actions: { readonly negated: boolean; readonly patterns: readonly Pattern[] }
  readonly resources: { readonly negated: boolean; readonly patterns: readonly Pattern[] }
  readonly conditions: readonly Condition[]
}

const maxCharacters = 10_240
const statementMembers = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition']

/**
 * Reads and checks an identity policy in IAM's JSON. Version 2008-10-17, also when none is given, has no policy variables.
 * Errors: `MalformedPolicyDocument`, with line and column of what isn't JSON or the path of what isn't a policy.
 */
export function parsePolicy(text: string): readonly Statement[] {
  if (text.length > maxCharacters) throw malformed(`it has more than ${maxCharacters} characters`)
  const document = objectAt(parseJson(text), '$')
  checkMembers(document, ['Version', 'Id', 'Statement'], '$')
  const version = document['Version'] ?? '2008-10-17'
  if (version !== '2012-10-17' && version !== '2008-10-17') throw malformed("$.Version must be '2012-10-17'")
  const { Statement: statement } = document
  if (statement === undefined) throw malformed('$.Statement is missing')
  const isList = Array.isArray(statement)
  const list = isList ? (statement as readonly Json[]) : [statement]
  if (list.length === 0) throw malformed('$.Statement is empty')
  const path = (i: number) => (isList ? `$.Statement[${i}]` : '$.Statement')
  const statements = list.map((one, i) => compileStatement(objectAt(one, path(i)), path(i), version === '2012-10-17'))
  checkSids(list as readonly { readonly [name: string]: Json }[])
  return statements
}

function compileStatement(statement: { readonly [name: string]: Json }, path: string, variables: boolean): Statement {
  for (const name of ['Principal', 'NotPrincipal']) {
    if (name in statement) throw malformed(`${path}.${name}: a policy of a user or role has none`)
  }
  checkMembers(statement, statementMembers, path)
  const effect = statement['Effect']
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed(`${path}.Effect must be Allow or Deny`)
  const actions = oneOf(statement, 'Action', path)
  const resources = oneOf(statement, 'Resource', path)
  return {
    effect,
    actions: {
      negated: actions.negated,
      patterns: actions.texts.map((text) => actionPattern(text, actions.path)),
    },
    resources: {
      negated: resources.negated,
      patterns: resources.texts.map((text) => resourcePattern(text, resources.path, variables)),
    },
    conditions: conditionsOf(statement['Condition'], `${path}.Condition`, variables),
  }
}

function actionPattern(text: string, path: string): Pattern {
  if (text !== '*' && !/^[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+$/.test(text)) {
    throw malformed(`${path}: '${text}' is not an action such as kinesis:PutRecord`)
  }
  return Pattern.of(text.toLowerCase(), { variables: false })
}

function resourcePattern(text: string, path: string, variables: boolean): Pattern {
  if (text !== '*' && !/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/.test(text.replaceAll(/\$\{[^}]*\}/g, 'v'))) {
    throw malformed(`${path}: '${text}' is neither * nor an ARN`)
  }
  const pattern = at(path, () => Pattern.of(text, { variables }))
  checkKeys(pattern.keys, path)
  return pattern
}

function conditionsOf(value: Json | undefined, path: string, variables: boolean): Condition[] {
  if (value === undefined) return []
  return Object.entries(objectAt(value, path)).flatMap(([operator, keys]) =>
    Object.entries(objectAt(keys, `${path}.${operator}`)).map(([key, values]) => {
      const where = `${path}.${operator}['${key}']`
      const texts = textsAt(values, where, true)
      const condition = at(where, () => compileCondition(operator, key, texts, variables))
      checkKeys(condition.keys, where)
      return condition
    }),
  )
}

function checkKeys(keys: readonly string[], path: string): void {
  const unknown = keys.find((key) => !isConditionKey(key))
  if (unknown !== undefined)
    throw malformed(`${path}: no request has the key ${unknown}; there are ${conditionKeyNames}`)
}

/** `Action` or `NotAction`, `Resource` or `NotResource`: exactly one of them. */
function oneOf(statement: { readonly [name: string]: Json }, name: string, path: string) {
  const plain = statement[name]
  const not = statement[`Not${name}`]
  if ((plain === undefined) === (not === undefined)) throw malformed(`${path} must have one of ${name} and Not${name}`)
  const negated = plain === undefined
  const where = `${path}.${negated ? 'Not' : ''}${name}`
  return { negated, path: where, texts: textsAt((plain ?? not)!, where, false) }
}

function textsAt(value: Json, path: string, scalars: boolean): string[] {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [value]
  if (list.length === 0) throw malformed(`${path} is empty`)
  return list.map((one) => {
    if (typeof one === 'string') return one
    if (scalars && (typeof one === 'number' || typeof one === 'boolean')) return String(one)
    throw malformed(`${path} must be a text or a list of texts`)
  })
}

function objectAt(value: Json, path: string): { readonly [name: string]: Json } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { [name: string]: Json }
  throw malformed(`${path} must be an object`)
}

/** A member whose name is mistyped would otherwise not count: a condition less. */
function checkMembers(value: { readonly [name: string]: Json }, names: readonly string[], path: string): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw malformed(`${path}.${unknown} is not known; there are ${names.join(', ')}`)
}

function checkSids(statements: readonly { readonly [name: string]: Json }[]): void {
  const seen = new Set<Json>()
  for (const { Sid: sid } of statements) {
    if (sid === undefined) continue
    if (typeof sid !== 'string' || !/^[a-zA-Z0-9]*$/.test(sid)) throw malformed('a Sid has letters and digits only')
    if (seen.has(sid)) throw malformed(`two statements have the Sid ${sid}`)
    seen.add(sid)
  }
}

function parseJson(text: string): Json {
  try {
    return parseStrictJson(text)
  } catch (error) {
    if (error instanceof JsonError) throw malformed(error.message)
    throw error
  }
}

function at<T>(path: string, compile: () => T): T {
  try {
    return compile()
  } catch (error) {
    if (error instanceof SyntaxError) throw malformed(`${path}: ${error.message}`)
    throw error
  }
}

function malformed(what: string): ApiError {
  return new ApiError('MalformedPolicyDocument', `The policy can't be stored: ${what}.`)
}
