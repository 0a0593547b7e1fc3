import { ApiError } from './api-error.ts'

/** A value of an answer: a Buffer is a blob, a Date a timestamp, an undefined member is left out. */
export type WireValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Buffer
  | Date
  | readonly WireValue[]
  | { readonly [member: string]: WireValue }

/** JSON 1.1 as AWS writes it: blobs in base64, timestamps as seconds with fraction. */
export function encodeJson(value: WireValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || value === undefined) return 'null'
  if (typeof value !== 'object') return String(value)
  if (Buffer.isBuffer(value)) return `"${value.toString('base64')}"`
  if (value instanceof Date) return String(value.getTime() / 1000)
  if (Array.isArray(value)) {
    let text = ''
    for (const member of value as readonly WireValue[])
      text += text === '' ? encodeJson(member) : `,${encodeJson(member)}`
    return `[${text}]`
  }
  let text = ''
  const members = value as { readonly [member: string]: WireValue }
  for (const name of Object.keys(members)) {
    const member = members[name]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${encodeJson(member)}`
  }
  return `{${text}}`
}

/** A request's body; an empty one is an empty structure. Errors: `SerializationException`. */
export function decodeJson(body: Buffer): unknown {
  if (body.length === 0) return {}
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new ApiError('SerializationException', 'The request body is not valid JSON.')
  }
}
