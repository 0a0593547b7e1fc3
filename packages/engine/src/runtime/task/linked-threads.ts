import type { ChannelReader, ChannelWriter } from '../exchange/channel.ts'
import { allocateLink, type LinkMemory, LinkReceiver, LinkSender } from '../exchange/thread-link.ts'
import { channelsOf, type JobGraph, threadOf } from './task-description.ts'
import type { ThreadLinks } from './task-thread.ts'

/** The memory of all links between the threads of an attempt, by sender and receiver. Plain data for workers. */
export interface LinkTable {
  readonly links: readonly { readonly from: number; readonly to: number; readonly memory: LinkMemory }[]
}

/** What the exchange of an application may take, over all its links (design decision 8). */
export const DEFAULT_EXCHANGE_BYTES = 32 * 1024 * 1024
const MAX_RING_BYTES = 1024 * 1024

/** Allocates a ring for each pair of threads that some channel connects. */
export function allocateLinks(graph: JobGraph, threads: number, budgetBytes = DEFAULT_EXCHANGE_BYTES): LinkTable {
  const channelIds = new Map<string, number[]>()
  for (const channel of channelsOf(graph)) {
    const from = threadOf(channel.sourceSubtask, threads)
    const to = threadOf(channel.targetSubtask, threads)
    if (from === to) continue
    const key = `${from}/${to}`
    const ids = channelIds.get(key) ?? []
    channelIds.set(key, ids)
    ids.push(channel.id)
  }
  const ringBytes = Math.min(MAX_RING_BYTES, 2 ** Math.floor(Math.log2(budgetBytes / Math.max(channelIds.size, 1) / 2)))
  const links = [...channelIds].map(([key, ids]) => {
    const [from, to] = key.split('/').map(Number) as [number, number]
    const creditBytes = Math.max(Math.floor(ringBytes / ids.length), 16 * 1024)
    return { from, to, memory: allocateLink({ ringBytes, channelIds: ids, creditBytes }) }
  })
  return { links }
}

/** One thread's ends of the links; `ring(thread)` wakes another thread. */
export function connectLinks(
  table: LinkTable,
  thread: number,
  graph: JobGraph,
  threads: number,
  ring: (thread: number) => void,
): ThreadLinks {
  const senders = new Map<number, LinkSender>()
  const receivers = new Map<number, LinkReceiver>()
  for (const { from, to, memory } of table.links) {
    if (from === thread) senders.set(to, new LinkSender(memory, () => ring(to)))
    if (to === thread) receivers.set(from, new LinkReceiver(memory, () => ring(from)))
  }
  const channels = channelsOf(graph)
  return {
    writer(channelId): ChannelWriter | undefined {
      const target = channels[channelId]?.targetSubtask
      return target === undefined ? undefined : senders.get(threadOf(target, threads))?.channel(channelId)
    },
    reader(channelId): ChannelReader | undefined {
      const source = channels[channelId]?.sourceSubtask
      return source === undefined ? undefined : receivers.get(threadOf(source, threads))?.channel(channelId)
    },
    pump() {
      let moved = false
      for (const sender of senders.values()) if (sender.pump()) moved = true
      for (const receiver of receivers.values()) if (receiver.pump()) moved = true
      return moved
    },
  }
}
