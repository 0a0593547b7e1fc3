/** Turns one record's bytes into a value; throws with the reason when they can't be read. */
export interface Decoder<out T> {
  decode(bytes: Uint8Array): T
}

/** Turns a value into one record's bytes, without a delimiter. */
export interface Encoder<in T> {
  encode(value: T): Uint8Array
}

/** A format by name, e.g. `json`. */
export interface Format<T> extends Decoder<T>, Encoder<T> {
  readonly name: string
}
