import { assertNever, invariant } from '../../common/errors.ts'
import { BatchDecoder, BatchEncoder } from './batch-codec.ts'
import type { Barrier, StreamElement } from './element.ts'
import type { WireReader, WireWriter } from './wire-buffer.ts'

const elementKinds = ['batch', 'watermark', 'status', 'barrier', 'cancel', 'end'] as const
const checkpointKinds = ['checkpoint', 'savepoint'] as const
const stops = ['none', 'drain', 'suspend'] as const

/** Writes the elements of one channel as frames. */
export class ElementEncoder {
  readonly #batches = new BatchEncoder()

  /** Appends [`channel`, kind] and the element. Throws as `BatchEncoder.encode`; the writer is as before then. */
  encode(writer: WireWriter, channel: number, element: StreamElement): void {
    const start = writer.length
    writer.header(channel, elementKinds.indexOf(element.kind))
    switch (element.kind) {
      case 'batch':
        try {
          this.#batches.encode(writer, element.batch)
        } catch (error) {
          writer.reset(start)
          throw error
        }
        return
      case 'watermark':
        writer.doubles(element.timestampMs)
        return
      case 'status':
        writer.header(element.idle ? 1 : 0, 0)
        return
      case 'barrier':
        encodeBarrier(writer, element.barrier)
        return
      case 'cancel':
        writer.doubles(element.checkpointId)
        return
      case 'end':
        return
      default:
        assertNever(element)
    }
  }
}

/** Reads the frames of one channel, all of them and in order. */
export class ElementDecoder {
  readonly #batches = new BatchDecoder()

  decode(reader: WireReader): StreamElement {
    const [, number = -1] = reader.integers(2)
    const kind = elementKinds[number]
    switch (kind) {
      case 'batch':
        return { kind, batch: this.#batches.decode(reader) }
      case 'watermark':
        return { kind, timestampMs: reader.doubles(1)[0] as number }
      case 'status':
        return { kind, idle: reader.integers(2)[0] === 1 }
      case 'barrier':
        return { kind, barrier: decodeBarrier(reader) }
      case 'cancel':
        return { kind, checkpointId: reader.doubles(1)[0] as number }
      case 'end':
        return { kind }
      default:
        return invariant(false, 'a frame has a kind that was never written', { number }) as never
    }
  }
}

function encodeBarrier(writer: WireWriter, { checkpointId, kind, timestampMs, stop }: Barrier): void {
  writer.doubles(checkpointId, timestampMs)
  writer.header(checkpointKinds.indexOf(kind), stops.indexOf(stop))
}

function decodeBarrier(reader: WireReader): Barrier {
  const [checkpointId = 0, timestampMs = 0] = reader.doubles(2)
  const [kind = 0, stop = 0] = reader.integers(2)
  return { checkpointId, timestampMs, kind: checkpointKinds[kind]!, stop: stops[stop]! }
}
