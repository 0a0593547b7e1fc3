import type { ConditionKeys } from './condition-keys.ts'
import type { Pattern } from './pattern.ts'
import type { Statement } from './policy-document.ts'

/** `implicit`: nothing allows it · `explicit`: a statement denies it. */
export type Decision = 'allowed' | 'implicit' | 'explicit'

const noKeys: ConditionKeys = new Map()

/** All statements that hold for one principal: an explicit deny wins, what nothing allows is denied. */
export class PolicySet {
  readonly #denials: readonly Statement[]
  readonly #allowances: readonly Statement[]
  /** Keys that some statement looks at, in lower case. */
  readonly keys: ReadonlySet<string>

  constructor(statements: readonly Statement[]) {
    this.#denials = statements.filter(({ effect }) => effect === 'Deny')
    this.#allowances = statements.filter(({ effect }) => effect === 'Allow')
    this.keys = new Set(statements.flatMap(keysOf))
  }

  /** Whether a statement looks at a tag of the resource: then these have to be known. */
  get asksForResourceTags(): boolean {
    return [...this.keys].some((key) => key.startsWith('aws:resourcetag/'))
  }

  /** `keys` is called only when a statement looks at one. `resource`: an ARN, or `*` for what has none. */
  decide(action: string, resource: string, keys: () => ConditionKeys): Decision {
    const lowerAction = action.toLowerCase()
    const present = this.keys.size === 0 ? noKeys : keys()
    const applies = (statement: Statement) => statementApplies(statement, lowerAction, resource, present)
    if (this.#denials.some(applies)) return 'explicit'
    return this.#allowances.some(applies) ? 'allowed' : 'implicit'
  }
}

function statementApplies(
  { effect, actions, resources, conditions }: Statement,
  action: string,
  resource: string,
  keys: ConditionKeys,
): boolean {
  if (actions.patterns.some((pattern) => pattern.matches(action, keys) === true) === actions.negated) return false
  if (!resourceApplies(resources, resource, effect, keys)) return false
  return conditions.every((condition) => condition.isTrue(keys))
}

/**
 * A pattern whose variable has no value matches nothing. Behind NotResource that would allow everything, so there such a
 * statement allows nothing, and still denies.
 */
function resourceApplies(
  { negated, patterns }: Statement['resources'],
  resource: string,
  effect: Statement['effect'],
  keys: ConditionKeys,
): boolean {
  const results = patterns.map((pattern: Pattern) => pattern.matches(resource, keys))
  if (!negated) return results.includes(true)
  if (results.includes(true)) return false
  return effect === 'Deny' || !results.includes(undefined)
}

function keysOf({ resources, conditions }: Statement): string[] {
  return [...resources.patterns.flatMap(({ keys }) => keys), ...conditions.flatMap(({ keys }) => keys)]
}
