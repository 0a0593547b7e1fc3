import { EngineError } from '../common/errors.ts'

/** What a refused key was meant for. */
export type KeyPlace = 'key' | 'namespace' | 'map key'

/** Throws `KEY_UNSUPPORTED` (kind application), saying what is wrong with the key and what to use instead. */
export function refuseKey(key: unknown, place: KeyPlace): never {
  const { found, hint } = describe(key)
  throw new EngineError('KEY_UNSUPPORTED', {
    kind: 'application',
    message: `${found} can't be used as a ${place}.`,
    hint,
    details: { place },
  })
}

const allowed = 'Use a string, number, boolean, bigint, Date, Uint8Array, or an array of those.'

function describe(key: unknown): { found: string; hint: string } {
  if (key === null) {
    return {
      found: 'null',
      hint: 'Filter such records out before keyBy, give them a key of their own, or key by a tuple: null is fine in it.',
    }
  }
  if (key === undefined) {
    return { found: 'undefined', hint: `Does every record have the field that is the key? ${allowed}` }
  }
  if (typeof key === 'function' || typeof key === 'symbol') return { found: `A ${typeof key}`, hint: allowed }
  if (key instanceof Date) return { found: 'An invalid Date', hint: 'Check what the date was made from.' }
  if (Array.isArray(key)) return { found: 'A tuple nested deeper than 32 levels', hint: allowed }
  if (key instanceof Promise) {
    return { found: 'A Promise', hint: `A key selector answers at once: it can't be async. ${allowed}` }
  }
  return {
    found: Object.getPrototypeOf(key) === Object.prototype ? 'A plain object' : `An instance of ${className(key)}`,
    hint: `Which of its fields count, and in which order, isn't said. Key by a tuple of them: [order.shop, order.id]. ${allowed}`,
  }
}

function className(key: object): string {
  const name: unknown = key.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'a class'
}
