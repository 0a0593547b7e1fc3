import { ByteReader } from '../../common/byte-reader.ts'
import { EngineError } from '../../common/errors.ts'
import { mapKey, mapKeyOrNull } from '../../types/key.ts'
import { keyGroupForKey } from '../../types/key-group.ts'
import type { KeyTable } from './key-table.ts'
import type { KeyedSection } from './keyed-schema.ts'
import { EntryTag } from './section-writer.ts'
import { readSizedKey, readSlot } from './slot-codec.ts'
import type { StateRegistry } from './state-registry.ts'
import { QueuedTimer } from './timer.ts'
import type { HeapTimerQueue } from './timer-queue.ts'

/** Where the entries of a section go: slots and queues by their positions in the section's schema. */
export interface SectionTarget {
  readonly table: KeyTable
  readonly registry: StateRegistry
  readonly slots: readonly number[]
  readonly queues: readonly HeapTimerQueue[]
}

/**
 * Takes the entries of one key group into a table and its timer queues. Throws `STATE_CORRUPT` (kind corrupt) for bytes
 * that aren't such entries, for a key of another key group, and for a state that a key has already.
 */
export function readSection(section: KeyedSection, target: SectionTarget): void {
  const reader = new ByteReader(section.bytes)
  try {
    for (let i = 0; i < section.entryCount; i++) readEntry(reader, section, target)
    if (reader.remaining > 0) reader.corrupt(`${reader.remaining} bytes behind the last entry`)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'DATA_CORRUPT') throw corrupt(section, target, error)
    throw error
  }
}

function readEntry(reader: ByteReader, section: KeyedSection, target: SectionTarget): void {
  const at = reader.position
  const tag = reader.u8()
  if (tag === EntryTag.STATE) readState(reader, section, target)
  else if (tag === EntryTag.TIMER) readTimer(reader, section, target)
  else reader.corrupt(`no entry's tag (${tag})`, at)
}

function readState(reader: ByteReader, section: KeyedSection, target: SectionTarget): void {
  const { table, registry, slots } = target
  table.restoreKey(readOwnKey(reader, section, table.maxParallelism), section.keyGroup)
  const count = reader.count(5)
  for (let i = 0; i < count; i++) {
    const at = reader.position
    const slot = slots[reader.varuint()] ?? reader.corrupt('the number of no state', at)
    const end = reader.u32() + reader.position
    if (table.get(slot) !== undefined) reader.corrupt(`state '${registry.nameOf(slot)}' of a key a second time`, at)
    table.put(slot, readSlot(reader, registry.kindOf(slot)))
    if (reader.position !== end) reader.corrupt(`a state that ends elsewhere than at byte ${end}`)
  }
}

function readTimer(reader: ByteReader, section: KeyedSection, target: SectionTarget): void {
  const at = reader.position
  const queue = target.queues[reader.varuint()] ?? reader.corrupt('the number of no timer queue', at)
  const timestampMs = reader.f64()
  const key = readOwnKey(reader, section, target.table.maxParallelism)
  const namespace = readSizedKey(reader)
  const timer = new QueuedTimer(
    timestampMs,
    key,
    mapKey(key),
    section.keyGroup,
    namespace,
    mapKeyOrNull(namespace, 'namespace'),
  )
  if (!queue.restore(timer)) reader.corrupt('a timer a second time', at)
}

/** State of a key lives in exactly one subtask, found by its key group: a key in a wrong section would be lost. */
function readOwnKey(reader: ByteReader, section: KeyedSection, maxParallelism: number): unknown {
  const at = reader.position
  const key = readSizedKey(reader)
  if (key === null) reader.corrupt('null as a key', at)
  const keyGroup = keyGroupForKey(key, maxParallelism)
  if (keyGroup !== section.keyGroup) reader.corrupt(`a key of key group ${keyGroup}`, at)
  return key
}

function corrupt(section: KeyedSection, target: SectionTarget, cause: EngineError): EngineError {
  const { operatorId } = target.registry
  return new EngineError('STATE_CORRUPT', {
    kind: 'corrupt',
    message: `Keyed state of operator '${operatorId}', key group ${section.keyGroup}: ${cause.message}`,
    hint: 'Restore from another checkpoint or savepoint.',
    details: { operatorId, keyGroup: section.keyGroup, ...cause.details },
    cause,
  })
}
