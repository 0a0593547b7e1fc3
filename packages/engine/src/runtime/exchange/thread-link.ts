/** Channels between two threads: one ring of shared memory for each ordered pair of threads. */
export { allocateLink, type LinkMemory } from './link-memory.ts'
export { LinkReceiver } from './link-receiver.ts'
export { LinkSender } from './link-sender.ts'
