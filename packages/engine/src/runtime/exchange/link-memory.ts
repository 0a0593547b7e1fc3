import { EngineError, invariant } from '../../common/errors.ts'
import { mapRing, type RingMemory, ringMemoryBytes } from './ring.ts'

/** The shared memory of a link, ready to be posted to both threads. */
export interface LinkMemory {
  readonly buffer: SharedArrayBuffer
}

export interface LinkSettings {
  /** Data of the ring: a power of two. Messages may be larger. */
  readonly ringBytes: number
  /** The channels from the one thread to the other, by their ids in the job. */
  readonly channelIds: readonly number[]
  /** What may be under way or wait at the receiver in each channel before its sender has to stop; the receiver may allow less. */
  readonly creditBytes: number
}

/** A link's memory as its ends see it. */
export interface MappedLink {
  readonly channelIds: readonly number[]
  /** What the link was made for. */
  readonly creditBytes: number
  /** What the receiver allows now for each channel, written by it: bytes, and records. */
  readonly allowedBytes: Int32Array
  readonly allowedRecords: Int32Array
  /** Bytes taken from each channel by its reader; wraps. Written by the receiver only. */
  readonly consumed: Int32Array
  /** Set by the sender before it waits, cleared by the receiver when it rings: [room in the ring, credit] at 0 and 16. */
  readonly wants: Int32Array
  readonly ring: RingMemory
}

/** Where `MappedLink.wants` says that the sender waits for room in the ring, or for a channel's credit. */
export const wantsRoom = 0
export const wantsCredit = 16

const lineBytes = 64
const unlimited = 0x7fff_ffff

/** Makes the memory for all channels from one thread to another. Throws `LINK_SETTINGS_INVALID` (invalid). */
export function allocateLink(settings: LinkSettings): LinkMemory {
  const { ringBytes, channelIds, creditBytes } = settings
  if (!(Number.isInteger(Math.log2(ringBytes)) && ringBytes >= 1024 && ringBytes <= 2 ** 30)) {
    throw invalid('ringBytes', ringBytes, 'a power of two from 1 KiB to 1 GiB')
  }
  if (!(Number.isInteger(creditBytes) && creditBytes > 0 && creditBytes <= 2 ** 30)) {
    throw invalid('creditBytes', creditBytes, 'a whole number up to 1 GiB')
  }
  const { end, allowedBytes, allowedRecords } = layoutOf(channelIds.length, ringBytes)
  const buffer = new SharedArrayBuffer(end)
  new Int32Array(buffer).set([channelIds.length, ringBytes, creditBytes])
  new Int32Array(buffer, lineBytes).set(channelIds)
  new Int32Array(buffer, allowedBytes, channelIds.length).fill(creditBytes)
  new Int32Array(buffer, allowedRecords, channelIds.length).fill(unlimited)
  return { buffer }
}

/** Both ends' view of the memory that `allocateLink` made. */
export function mapLink({ buffer }: LinkMemory): MappedLink {
  const [channels = 0, ringBytes = 0, creditBytes = 0] = new Int32Array(buffer, 0, 3)
  const layout = layoutOf(channels, ringBytes)
  invariant(layout.end === buffer.byteLength, 'a link has the memory that was made for it', { channels, ringBytes })
  return {
    channelIds: [...new Int32Array(buffer, lineBytes, channels)],
    creditBytes,
    allowedBytes: new Int32Array(buffer, layout.allowedBytes, channels),
    allowedRecords: new Int32Array(buffer, layout.allowedRecords, channels),
    consumed: new Int32Array(buffer, layout.consumed, channels),
    wants: new Int32Array(buffer, layout.wants, 32),
    ring: mapRing(buffer, layout.ring, ringBytes),
  }
}

interface Layout {
  readonly allowedBytes: number
  readonly allowedRecords: number
  readonly consumed: number
  readonly wants: number
  readonly ring: number
  readonly end: number
}

/** The settings, the ids, what the receiver writes, what both write, the ring: each begins on a cache line. */
function layoutOf(channels: number, ringBytes: number): Layout {
  const perChannel = Math.ceil((4 * channels) / lineBytes) * lineBytes
  const allowedBytes = lineBytes + perChannel
  const allowedRecords = allowedBytes + perChannel
  const consumed = allowedRecords + perChannel
  const wants = consumed + perChannel
  const ring = wants + 2 * lineBytes
  return { allowedBytes, allowedRecords, consumed, wants, ring, end: ring + ringMemoryBytes(ringBytes) }
}

function invalid(name: string, value: number, allowed: string): EngineError {
  return new EngineError('LINK_SETTINGS_INVALID', {
    kind: 'invalid',
    message: `${name} of a link between threads is ${value}.`,
    hint: `It is ${allowed}.`,
    details: { [name]: value },
  })
}
