/** Why a function that returns a promise is refused: it would leave the operator before its barrier. */
export type AsyncRefused = 'Functions of a stream are synchronous: do I/O in a source or a sink.'

type IsAny<R> = 0 extends 1 & R ? true : false

/**
 * Refuses functions that return a promise, at compile time: the parameter's type then is the hint itself, so that the
 * compiler prints it. Use: `fn: ((value: T) => R) & Synchronous<R>`, and `R extends Wanted | PromiseLike<unknown>`.
 */
export type Synchronous<R> =
  IsAny<R> extends true
    ? unknown
    : [R] extends [never]
      ? unknown
      : [R] extends [PromiseLike<unknown>]
        ? AsyncRefused
        : unknown

/** What a stream can be keyed by: plain values with canonical bytes (see docs/reference/state-format.md). */
export type Key = string | number | bigint | boolean | Date | Uint8Array | readonly KeyPart[]
/** Inside a tuple null is a key too. */
export type KeyPart = Key | null
