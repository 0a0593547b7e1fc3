import type { ChannelReader, ChannelWriter } from '../../runtime/exchange/channel.ts'
import type { StreamElement } from '../../runtime/exchange/element.ts'
import type { ThreadLinks } from '../../runtime/task/task-thread.ts'
import type { SimulatedThreadId } from '../simulated-threads.ts'
import type { Violations } from './violations.ts'

interface Channel {
  readonly underWay: string[]
  bytes: number
}

/**
 * Watches the channels between threads from outside: what is read is what was written, in that order (invariant 1), and
 * what is under way stays within the channel's credit and the output of one batch (invariant 4).
 */
export class ChannelChecker {
  readonly #violations: Violations
  readonly #maxBytes: number
  readonly #channels = new Map<string, Channel>()

  /** `maxBytes`: what may be under way in one channel, as JSON. */
  constructor(violations: Violations, maxBytes: number) {
    this.#violations = violations
    this.#maxBytes = maxBytes
  }

  /** The same links, watched. `process` tells apart whose they are. */
  watch(links: ThreadLinks, process: string, { attempt }: SimulatedThreadId): ThreadLinks {
    const nameOf = (channelId: number): string => `${process}/${attempt}/${channelId}`
    return {
      writer: (channelId) => {
        const writer = links.writer(channelId)
        return writer && this.#watchWriter(writer, nameOf(channelId))
      },
      reader: (channelId) => {
        const reader = links.reader(channelId)
        return reader && this.#watchReader(reader, nameOf(channelId))
      },
      pump: () => links.pump(),
    }
  }

  #channel(name: string): Channel {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      channel = { underWay: [], bytes: 0 }
      this.#channels.set(name, channel)
    }
    return channel
  }

  #watchWriter(writer: ChannelWriter, name: string): ChannelWriter {
    const channel = this.#channel(name)
    return {
      hasCredit: () => writer.hasCredit(),
      get allowedRecords() {
        return writer.allowedRecords
      },
      write: (element) => {
        for (const token of tokensOf(element)) {
          channel.underWay.push(token)
          channel.bytes += token.length
        }
        if (channel.bytes > this.#maxBytes) {
          this.#violations.report('bounds', `channel ${name} holds ${channel.bytes} bytes, ${this.#maxBytes} allowed`)
          channel.bytes = Number.NEGATIVE_INFINITY
        }
        writer.write(element)
      },
    }
  }

  #watchReader(reader: ChannelReader, name: string): ChannelReader {
    const channel = this.#channel(name)
    return {
      peek: () => reader.peek(),
      allow: (records) => reader.allow(records),
      poll: () => {
        const element = reader.poll()
        if (element !== undefined) {
          for (const token of tokensOf(element)) {
            const expected = channel.underWay.shift()
            channel.bytes -= token.length
            if (token !== expected) this.#violations.report('order', `channel ${name}: ${token} before ${expected}`)
          }
        }
        return element
      },
    }
  }
}

function tokensOf(element: StreamElement): readonly string[] {
  switch (element.kind) {
    case 'batch':
      return Array.from(
        { length: element.batch.length },
        (_, i) => `${JSON.stringify(element.batch.valueAt(i))}@${element.batch.timestampAt(i)}`,
      )
    case 'watermark':
      return [`watermark ${element.timestampMs}`]
    case 'barrier':
      return [`barrier ${element.barrier.checkpointId}`]
    case 'status':
      return [`status ${element.idle}`]
    case 'cancel':
      return [`cancel ${element.checkpointId}`]
    case 'end':
      return ['end']
  }
}
