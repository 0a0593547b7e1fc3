import { ByteWriter } from '../../common/byte-writer.ts'
import { writeMapKey } from '../../types/key.ts'

/** What fires: registered for a key and a namespace, once however often it was registered. */
export interface Timer {
  /** Event time or processing time, epoch ms; `Infinity` is the end of time. */
  readonly timestampMs: number
  readonly key: unknown
  readonly namespace: unknown
}

/** A timer in a queue. Only `live` ever changes: it is false once the timer fired or was deleted. */
export class QueuedTimer implements Timer {
  readonly timestampMs: number
  readonly key: unknown
  readonly mapKey: unknown
  readonly keyGroup: number
  readonly namespace: unknown
  readonly namespaceMapKey: unknown
  live = true
  #keyBytes: Uint8Array | undefined
  #namespaceBytes: Uint8Array | undefined

  constructor(
    timestampMs: number,
    key: unknown,
    mapped: unknown,
    keyGroup: number,
    namespace: unknown,
    namespaceMapKey: unknown,
  ) {
    this.timestampMs = timestampMs
    this.key = key
    this.mapKey = mapped
    this.keyGroup = keyGroup
    this.namespace = namespace
    this.namespaceMapKey = namespaceMapKey
  }

  /**
   * The order in which timers of one timestamp fire: by key group, then by encoded key, then by encoded namespace. So a
   * replay, a restore and another parallelism give the same order (TM-10).
   */
  static compare(a: QueuedTimer, b: QueuedTimer): number {
    if (a.keyGroup !== b.keyGroup) return a.keyGroup - b.keyGroup
    if (a.mapKey !== b.mapKey) {
      a.#keyBytes ??= bytesOf(a.mapKey)
      b.#keyBytes ??= bytesOf(b.mapKey)
      const byKey = Buffer.compare(a.#keyBytes, b.#keyBytes)
      if (byKey !== 0) return byKey
    }
    a.#namespaceBytes ??= bytesOf(a.namespaceMapKey)
    b.#namespaceBytes ??= bytesOf(b.namespaceMapKey)
    return Buffer.compare(a.#namespaceBytes, b.#namespaceBytes)
  }
}

const scratch = new ByteWriter(64)

function bytesOf(mapped: unknown): Uint8Array {
  scratch.reset()
  writeMapKey(scratch, mapped)
  return scratch.toBytes()
}
