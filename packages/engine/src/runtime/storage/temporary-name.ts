/** `.part-1.jsonl.inprogress.<uuid>` for `part-1.jsonl`: hidden from readers, recognizable for a sweep. */
export function temporaryName(name: string, uuid: string): string {
  return `.${name}.inprogress.${uuid}`
}

/** The name that the file would have got, or undefined when this isn't a temporary name. */
export function nameOfTemporary(temporary: string): string | undefined {
  return /^\.(.+)\.inprogress\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(temporary)?.[1]
}
