/** What an XML answer is made of: texts, elements, lists of `member` elements, and maps as `entry` elements. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | ReadonlyMap<string, string>
  | { readonly [name: string]: XmlValue }

/** Elements without attributes; undefined ones are left out. */
export function encodeXml(value: XmlValue): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return escapeXml(String(value))
  if (Array.isArray(value)) {
    return (value as readonly XmlValue[]).map((member) => `<member>${encodeXml(member)}</member>`).join('')
  }
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, string>)]
    return entries.map(([key, text]) => `<entry>${encodeXml({ key, value: text })}</entry>`).join('')
  }
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `<${name}>${encodeXml(member)}</${name}>`)
    .join('')
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (c) => escapes[c]!)
}
