import type { ByteReader } from '../../common/byte-reader.ts'
import type { ByteWriter } from '../../common/byte-writer.ts'
import { VALUE_CODEC_ID } from '../../types/value-codec.ts'

/** What a state of keyed state holds for one key: the first three are a user's, the others belong to windows. */
export type KeyedStateKind = 'value' | 'list' | 'map' | 'namespaced-value' | 'namespaced-list'

/** One state of an operator, as a snapshot describes it. */
export interface StateSchema {
  readonly name: string
  readonly kind: KeyedStateKind
  /** The codec of its values: `dynamic-1`. */
  readonly codec: string
}

/** The keyed state of an operator, as a snapshot describes it. Entries name states and queues by position. */
export interface KeyedSchema {
  readonly maxParallelism: number
  readonly states: readonly StateSchema[]
  /** Names of the timer queues. */
  readonly timerQueues: readonly string[]
}

/** The entries of one key group at one instant; `schema` is what positions in `bytes` refer to. */
export interface KeyedSection {
  readonly keyGroup: number
  readonly entryCount: number
  readonly bytes: Uint8Array
  readonly schema: KeyedSchema
}

/** In the order of their numbers in the format. */
const kinds: readonly KeyedStateKind[] = ['value', 'list', 'map', 'namespaced-value', 'namespaced-list']
/** The engine doesn't know the type of keys; a typed key will have a number of its own. */
const KEY_TYPE_UNKNOWN = 0
/** State that expires will carry a time stamp before each value; there is none yet. */
const NO_EXPIRY = 0

export function writeKeyedSchema(writer: ByteWriter, schema: KeyedSchema): void {
  writer.varuint(schema.maxParallelism)
  writer.u8(KEY_TYPE_UNKNOWN)
  writer.varuint(schema.states.length)
  for (const { name, kind, codec } of schema.states) {
    writer.string(name)
    writer.u8(kinds.indexOf(kind))
    writer.string(codec)
    writer.u8(NO_EXPIRY)
  }
  writer.varuint(schema.timerQueues.length)
  for (const name of schema.timerQueues) writer.string(name)
}

/** Throws `DATA_CORRUPT` for what isn't a schema, or one of a kind this version doesn't know. */
export function readKeyedSchema(reader: ByteReader): KeyedSchema {
  const maxParallelism = reader.varuint()
  const keyType = reader.u8()
  if (keyType !== KEY_TYPE_UNKNOWN) reader.corrupt(`an unknown type of keys (${keyType})`)
  const states = Array.from({ length: reader.count(4) }, () => readStateSchema(reader))
  const timerQueues = Array.from({ length: reader.count() }, () => reader.string())
  return { maxParallelism, states, timerQueues }
}

function readStateSchema(reader: ByteReader): StateSchema {
  const name = reader.string()
  const number = reader.u8()
  const kind = kinds[number] ?? reader.corrupt(`an unknown kind of state (${number})`)
  const codec = reader.string()
  if (codec !== VALUE_CODEC_ID) reader.corrupt(`an unknown codec of values (${codec})`)
  const expiry = reader.u8()
  if (expiry !== NO_EXPIRY) reader.corrupt(`an unknown form of expiry (${expiry})`)
  return { name, kind, codec }
}
