/**
 * Refuses functions that return a Promise, at compile time: the parameter's type then is the hint itself.
 * A promise would leave the operator before its barrier; I/O belongs into sources and sinks.
 */
export type Synchronous<R> = [R] extends [PromiseLike<unknown>]
  ? 'Functions of a stream are synchronous: do I/O in a source or a sink.'
  : unknown

/** What a stream can be keyed by: plain values with canonical bytes (see docs/reference/state-format.md). */
export type Key = string | number | bigint | boolean | Date | Uint8Array | readonly KeyPart[]
/** Inside a tuple null is a key too. */
export type KeyPart = Key | null
