/** What JSON can't hold, and where (`order.lines[2].cents`). */
export interface Unencodable {
  readonly path: string
  readonly what: string
}

/** Finds why `JSON.stringify` refuses a value; undefined when this isn't seen from outside (a `toJSON` that throws). */
export function findUnencodable(value: unknown): Unencodable | undefined {
  return find(value, 'the value', []) ?? undefined
}

function find(value: unknown, path: string, above: readonly unknown[]): Unencodable | undefined {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') {
    return { path, what: `a ${typeof value}` }
  }
  if (value === undefined) return { path, what: 'undefined' }
  if (typeof value !== 'object' || value === null) return undefined
  if (above.includes(value)) return { path, what: 'a reference to an object around it' }
  for (const [key, member] of Object.entries(value)) {
    // JSON leaves these out of objects and writes null for them in arrays, without an error.
    if (member === undefined || typeof member === 'function' || typeof member === 'symbol') continue
    const found = find(member, childPath(path, key, Array.isArray(value)), [...above, value])
    if (found !== undefined) return found
  }
  return undefined
}

function childPath(path: string, key: string, inArray: boolean): string {
  if (inArray) return `${path === 'the value' ? '' : path}[${key}]`
  const step = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)
  return path === 'the value' ? step : `${path}.${step}`
}
