/**
 * Values as JSON that a person can read and write: what JSON has stands for itself, the rest is an object with one
 * property: {"$number": "NaN"}, {"$bigint": "12"}, {"$undefined": true}, {"$bytes": "00ff"}, {"$date": 5},
 * {"$utf16": [55296]}, {"$map": [[key, value]…]}, {"$set": [value…]}, {"$Float32Array": [1, 2]}.
 */
export function fromReadable(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(fromReadable)
  if (typeof json !== 'object' || json === null) return json
  const entries = Object.entries(json)
  const [name, content] = entries[0] ?? ['', undefined]
  if (entries.length === 1 && name.startsWith('$')) return special(name.slice(1), content)
  return Object.fromEntries(entries.map(([each, value]) => [each, fromReadable(value)]))
}

function special(type: string, content: any): unknown {
  switch (type) {
    case 'number':
      return Number(content)
    case 'bigint':
      return BigInt(content)
    case 'undefined':
      return undefined
    case 'bytes':
      return new Uint8Array(Buffer.from(content, 'hex'))
    case 'date':
      return new Date(content)
    case 'utf16':
      return String.fromCharCode(...content)
    case 'map':
      return new Map(content.map(([key, value]: [unknown, unknown]) => [fromReadable(key), fromReadable(value)]))
    case 'set':
      return new Set(content.map(fromReadable))
    default:
      return typedArray(type, content)
  }
}

function typedArray(type: string, content: readonly unknown[]): unknown {
  const arrayType = (globalThis as Record<string, any>)[type]
  if (!/^(Uint|Int|Float|Big)\w*Array$/.test(type)) throw new Error(`no readable value of type $${type}`)
  return arrayType.from(content.map((each) => (type.startsWith('Big') ? BigInt(each as string) : each)))
}
