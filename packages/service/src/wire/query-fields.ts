import { ApiError } from './api-error.ts'

/** A request of the query protocol: a form whose names are paths, `Action=Publish&Entries.member.1.Id=…`. */
export class QueryFields {
  readonly #values: ReadonlyMap<string, string>
  readonly #prefix: string

  constructor(values: ReadonlyMap<string, string>, prefix = '') {
    this.#values = values
    this.#prefix = prefix
  }

  /** From a form-encoded body or a query string. */
  static parse(form: string): QueryFields {
    return new QueryFields(new Map(new URLSearchParams(form)))
  }

  optional(name: string): string | undefined {
    return this.#values.get(this.#prefix + name)
  }

  /** Errors: `InvalidParameter`. */
  required(name: string): string {
    const value = this.optional(name)
    if (value === undefined) throw new ApiError('InvalidParameter', `Invalid parameter: ${name}: missing`)
    return value
  }

  flag(name: string): boolean {
    return this.optional(name)?.toLowerCase() === 'true'
  }

  /** The members of a list, `<name>.member.1.…` (or `entry` for a map), in order up to the first gap. */
  list(name: string, member: 'member' | 'entry' = 'member'): QueryFields[] {
    const members: QueryFields[] = []
    for (let i = 1; this.#hasUnder(`${name}.${member}.${i}`); i++) {
      members.push(new QueryFields(this.#values, `${this.#prefix}${name}.${member}.${i}.`))
    }
    return members
  }

  /** A map of texts, `<name>.entry.1.key=…&<name>.entry.1.value=…`. */
  map(name: string): Map<string, string> {
    return new Map(this.list(name, 'entry').map((entry) => [entry.required('key'), entry.optional('value') ?? '']))
  }

  #hasUnder(path: string): boolean {
    const prefix = `${this.#prefix}${path}.`
    for (const name of this.#values.keys()) if (name.startsWith(prefix)) return true
    return false
  }
}
