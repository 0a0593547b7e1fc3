import { ByteWriter } from '../../common/byte-writer.ts'
import { asEngineError, EngineError } from '../../common/errors.ts'
import type { KeyEntry } from './key-table.ts'
import type { KeyedSchema, KeyedSection } from './keyed-schema.ts'
import { writeSizedKey, writeSlot } from './slot-codec.ts'
import type { StateRegistry } from './state-registry.ts'
import type { QueuedTimer } from './timer.ts'

/** What an entry of a section is. */
export const EntryTag = { STATE: 1, TIMER: 2 } as const

/** Writes the entries of one key group. See docs/reference/state-format.md, "Keyed entries". */
export class SectionWriter {
  readonly keyGroup: number
  readonly #writer: ByteWriter
  #entryCount = 0

  constructor(keyGroup: number, capacityBytes: number) {
    this.keyGroup = keyGroup
    this.#writer = new ByteWriter(capacityBytes)
  }

  /** All states of one key. Throws `STATE_VALUE_UNSUPPORTED` naming operator, state and path. */
  addEntry(entry: KeyEntry, registry: StateRegistry): void {
    const writer = this.#writer
    const start = writer.length
    writer.u8(EntryTag.STATE)
    writeSizedKey(writer, entry.mapKey)
    writer.varuint(entry.filled)
    const { slots } = entry
    for (let slot = 0; slot < slots.length; slot++) {
      if (slots[slot] === undefined) continue
      writer.varuint(slot)
      const at = writer.length
      writer.u32(0)
      try {
        writeSlot(writer, registry.kindOf(slot), slots[slot])
      } catch (error) {
        writer.reset(start)
        throw inState(error, registry, slot)
      }
      writer.patchU32(at, writer.length - at - 4)
    }
    this.#entryCount++
  }

  addTimer(timer: QueuedTimer, queue: number): void {
    const writer = this.#writer
    writer.u8(EntryTag.TIMER)
    writer.varuint(queue)
    writer.f64(timer.timestampMs)
    writeSizedKey(writer, timer.mapKey)
    writeSizedKey(writer, timer.namespaceMapKey)
    this.#entryCount++
  }

  get length(): number {
    return this.#writer.length
  }

  /** The section, in this writer's own memory: it must not be written to afterwards. */
  finish(schema: KeyedSchema): KeyedSection {
    return { keyGroup: this.keyGroup, entryCount: this.#entryCount, bytes: this.#writer.view(), schema }
  }
}

function inState(error: unknown, registry: StateRegistry, slot: number): EngineError {
  const { code, kind, message, hint, details } = asEngineError(error)
  const place = { operatorId: registry.operatorId, state: registry.nameOf(slot) }
  return new EngineError(code, {
    kind,
    message: `State '${place.state}' of operator '${place.operatorId}': ${message}`,
    hint,
    details: { ...details, ...place },
    cause: error,
  })
}
