import type { ConditionKeys } from './condition-keys.ts'
import { operators } from './operators.ts'
import { Pattern } from './pattern.ts'

/** One line of a policy's `Condition`: an operator, a key, and the values it is compared with. */
export interface Condition {
  /** Keys it looks at, in lower case. */
  readonly keys: readonly string[]
  isTrue(keys: ConditionKeys): boolean
}

/**
 * Compiles `operator` (with its `ForAllValues:`, `ForAnyValue:`, `IfExists`) for a key and its values.
 * An absent key makes a condition false; a negated one true, one with IfExists true, and ForAllValues true, as in IAM.
 * Errors: a `SyntaxError` that says what is wrong.
 */
export function compileCondition(
  operator: string,
  key: string,
  values: readonly string[],
  variables: boolean,
): Condition {
  const [, set, name = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? []
  const lowerKey = key.toLowerCase()
  if (name === 'Null') {
    if (set !== undefined || ifExists !== undefined) throw new SyntaxError('Null takes no qualifier')
    return nullCondition(lowerKey, values)
  }
  const found = operators.get(name)
  if (found === undefined) throw new SyntaxError(`${operator} is not an operator; there are ${operatorNames}`)
  const patterns = values.map((value) => Pattern.of(value, { variables, wildcards: found.wildcards }))
  const tests = values.map((value, i) => found.compile(value, patterns[i]!))
  const isNegated = found.negated
  const holds = (value: string, keys: ConditionKeys) => tests.some((test) => test(value, keys)) !== isNegated
  return {
    keys: [lowerKey, ...patterns.flatMap((pattern) => pattern.keys)],
    isTrue(keys) {
      const present = keys.get(lowerKey)
      if (present === undefined || present.length === 0) {
        return ifExists !== undefined || set === 'ForAllValues' || (isNegated && set === undefined)
      }
      // Without a qualifier a negated operator means: none of the request's values.
      if (set === 'ForAllValues' || (set === undefined && isNegated))
        return present.every((value) => holds(value, keys))
      return present.some((value) => holds(value, keys))
    },
  }
}

function nullCondition(key: string, values: readonly string[]): Condition {
  const [wanted, ...rest] = values
  if (rest.length > 0 || (wanted !== 'true' && wanted !== 'false')) throw new SyntaxError('Null takes true or false')
  return { keys: [key], isTrue: (keys) => ((keys.get(key)?.length ?? 0) === 0) === (wanted === 'true') }
}

const operatorNames = [...operators.keys(), 'Null'].join(', ')
