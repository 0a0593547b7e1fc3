/** Whether JSON has a shape: for tests of answers that others' tools read. */

/** `T[]` is a list of T; a text ending in `?` is a type that may be null or absent; `*` is any name. */
export type Shape = string | readonly [Shape] | { readonly [member: string]: Shape }

/** What is wrong with a value; each with its place. Members that the shape doesn't name are wrong too. */
export function shapeProblems(value: unknown, shape: Shape, path = '$'): string[] {
  if (typeof shape === 'string') return typeProblems(value, shape, path)
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path} is no list`]
    return value.flatMap((element, i) => shapeProblems(element, shape[0] as Shape, `${path}[${i}]`))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`]
  const members = shape as { readonly [member: string]: Shape }
  const { '*': any, ...named } = members
  const problems = Object.entries(named).flatMap(([name, member]) => {
    const plain = name.replace(/\?$/, '')
    const given = (value as Record<string, unknown>)[plain]
    if (name.endsWith('?') && (given === undefined || given === null)) return []
    return shapeProblems(given, member, `${path}.${plain}`)
  })
  for (const [name, given] of Object.entries(value)) {
    if (Object.hasOwn(named, name) || Object.hasOwn(named, `${name}?`)) continue
    if (any === undefined) problems.push(`${path}.${name} is not known`)
    else problems.push(...shapeProblems(given, any, `${path}.${name}`))
  }
  return problems
}

function typeProblems(value: unknown, shape: string, path: string): string[] {
  if (shape.endsWith('?') && (value === undefined || value === null)) return []
  const is = {
    text: typeof value === 'string',
    integer: Number.isInteger(value),
    number: typeof value === 'number' || value === 'NaN',
    boolean: typeof value === 'boolean',
    id: typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
    any: true,
  }[shape.replace(/\?$/, '')]
  return is === true ? [] : [`${path} is no ${shape}: ${JSON.stringify(value)}`]
}
