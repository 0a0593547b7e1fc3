import { EngineError } from '../common/errors.ts'
import { isWellFormed } from '../common/well-formed.ts'

/** How many arrays, objects, maps and sets may stand inside each other in a state value. */
export const MAX_VALUE_DEPTH = 200

/** Whether the object was made by a literal, `Object.create(null)`, or either of another realm. */
export function isPlainObject(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** Finds the part of a refused value that the value codec can't write, and says where it is and why. */
export function explainUnsupported(value: unknown): EngineError {
  const found = find(value, '$', []) ?? { path: '$', reason: 'it changed while it was written' }
  return new EngineError('STATE_VALUE_UNSUPPORTED', {
    kind: 'application',
    message: `A value of state can't be written: at ${found.path}, ${found.reason}.`,
    hint:
      'Keep plain data in state: null, booleans, numbers, bigints, strings, Dates, Uint8Array and other typed arrays, ' +
      'arrays, Maps, Sets and plain objects. Turn a class instance into a plain object before it is stored.',
    details: { path: found.path },
  })
}

interface Unsupported {
  readonly path: string
  readonly reason: string
}

interface Ancestor {
  readonly value: object
  readonly path: string
}

function find(value: unknown, path: string, ancestors: readonly Ancestor[]): Unsupported | undefined {
  if (typeof value === 'function') return { path, reason: `there is a function${value.name ? ` (${value.name})` : ''}` }
  if (typeof value === 'symbol') return { path, reason: `there is a ${String(value)}` }
  if (typeof value !== 'object' || value === null) return undefined
  const cycle = ancestors.find((each) => each.value === value)
  if (cycle !== undefined) return { path, reason: `there is a reference back to ${cycle.path}` }
  if (ancestors.length >= MAX_VALUE_DEPTH) return { path, reason: `it is nested deeper than ${MAX_VALUE_DEPTH} levels` }
  const inside = [...ancestors, { value, path }]
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) return findInArray(value as unknown[], path, inside)
  if (prototype === Map.prototype) return findInMap(value as Map<unknown, unknown>, path, inside)
  if (prototype === Set.prototype) return findInEach([...(value as Set<unknown>)], path, inside)
  if (prototype === Date.prototype || prototype === Buffer.prototype) return undefined
  if (ArrayBuffer.isView(value) && !(value instanceof DataView) && isBuiltInTypedArray(value)) return undefined
  if (isPlainObject(value)) return findInProperties(value as Record<string, unknown>, path, inside)
  return { path, reason: `there is an instance of ${className(value)}` }
}

function findInArray(value: readonly unknown[], path: string, inside: readonly Ancestor[]): Unsupported | undefined {
  for (let i = 0; i < value.length; i++) {
    if (!Object.hasOwn(value, i)) return { path: `${path}[${i}]`, reason: 'the array has a hole' }
  }
  return findInEach(value, path, inside)
}

function findInEach(values: readonly unknown[], path: string, inside: readonly Ancestor[]): Unsupported | undefined {
  for (const [i, each] of values.entries()) {
    const found = find(each, `${path}[${i}]`, inside)
    if (found !== undefined) return found
  }
  return undefined
}

function findInMap(
  value: ReadonlyMap<unknown, unknown>,
  path: string,
  inside: readonly Ancestor[],
): Unsupported | undefined {
  let i = 0
  for (const [key, element] of value) {
    const at = typeof key === 'string' || typeof key === 'number' ? `${path}.get(${JSON.stringify(key)})` : undefined
    const found = find(key, `${path}.keys[${i}]`, inside) ?? find(element, at ?? `${path}.values[${i}]`, inside)
    if (found !== undefined) return found
    i++
  }
  return undefined
}

function findInProperties(
  value: Record<string, unknown>,
  path: string,
  inside: readonly Ancestor[],
): Unsupported | undefined {
  for (const name of Object.keys(value)) {
    const at = /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
    if (!isWellFormed(name)) return { path: at, reason: "the property's name has half of a surrogate pair" }
    const found = find(value[name], at, inside)
    if (found !== undefined) return found
  }
  return undefined
}

function isBuiltInTypedArray(value: ArrayBufferView): boolean {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype)
  return Object.getPrototypeOf(Object.getPrototypeOf(value)) === typedArray
}

function className(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'a class'
}
