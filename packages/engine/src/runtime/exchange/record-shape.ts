import { type Column, ColumnEncoder } from './column-codec.ts'

/** The names of a plain object's fields in their order, with code generated for them. */
export interface RecordShape {
  readonly names: readonly string[]
  readonly columns: readonly ColumnEncoder[]
  /** Whether the value is a plain object with exactly these fields, in this order. */
  matches(value: unknown): boolean
  /** The objects whose fields stand in the columns, one column a name. */
  build(length: number, columns: readonly Column[]): unknown[]
}

/** Objects with more fields are more likely tables than records; they get no shape. */
const fieldsAtMost = 64
/** Shapes (and beginnings of shapes) known at a time: beyond, objects get none, so that data can't fill the memory. */
const nodesAtMost = 4096

class ShapeNode {
  readonly next = new Map<string, ShapeNode>()
  shape: RecordShape | undefined
}

/** The shapes met so far: a tree by field name. Shared by the channels of a thread, so that each is compiled once. */
export class ShapeRegistry {
  readonly #root = new ShapeNode()
  #nodes = 0

  /** The shape of a plain object; undefined when the value is something else or gets no shape. */
  shapeOf(value: unknown): RecordShape | undefined {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return undefined
    return this.shapeFor(Object.keys(value))
  }

  shapeFor(names: readonly string[]): RecordShape | undefined {
    if (names.length > fieldsAtMost) return undefined
    let node = this.#root
    for (const name of names) {
      let next = node.next.get(name)
      if (next === undefined) {
        if (this.#nodes >= nodesAtMost) return undefined
        this.#nodes++
        next = new ShapeNode()
        node.next.set(name, next)
      }
      node = next
    }
    node.shape ??= createShape(names)
    return node.shape
  }
}

/** The registry that channels use unless given another. */
export const threadShapes = new ShapeRegistry()

/** Makes a shape outside any registry. Names reach the generated code only as JSON string literals. */
export function createShape(names: readonly string[]): RecordShape {
  return {
    names,
    columns: names.map((name) => ColumnEncoder.ofProperty(name)),
    matches: generateMatches(names),
    build: generateBuild(names),
  }
}

function generateMatches(names: readonly string[]): RecordShape['matches'] {
  // for-in over an object with an enumeration cache costs a pointer comparison a field; inherited fields fail the test.
  const source = `
    const names = ${JSON.stringify(names)}
    return function matches(value) {
      if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
      let i = 0
      for (const name in value) if (name !== names[i++]) return false
      return i === ${names.length}
    }`
  return new Function(source)() as RecordShape['matches']
}

function generateBuild(names: readonly string[]): RecordShape['build'] {
  const columns = names.map((_, i) => `const c${i} = columns[${i}]`).join('\n')
  // In a literal, "__proto__": v would set the prototype; as a computed name it is a field like others.
  const fields = names.map((name, i) => {
    const literal = JSON.stringify(name)
    return `${name === '__proto__' ? `[${literal}]` : literal}: c${i}[i]`
  })
  const source = `
    return function build(length, columns) {
      ${columns}
      const records = new Array(length)
      for (let i = 0; i < length; i++) records[i] = { ${fields.join(', ')} }
      return records
    }`
  return new Function(source)() as RecordShape['build']
}
