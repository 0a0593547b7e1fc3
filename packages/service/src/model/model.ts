/** What a service model says of a value, without its texts. Bounds are of a length, a number of members or a number. */
export interface Shape {
  readonly type: 'structure' | 'list' | 'map' | 'string' | 'integer' | 'long' | 'boolean' | 'timestamp' | 'blob'
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, string>>
  readonly member?: string
  readonly key?: string
  readonly value?: string
  readonly min?: number
  readonly max?: number
  /** Of the whole text. */
  readonly pattern?: string
  readonly enum?: readonly string[]
}

/** Shapes and errors by name. */
export interface OperationModel {
  readonly input: string
  readonly output: string
  readonly errors: readonly string[]
}

/** A service's operations and shapes by name. */
export interface ServiceModel {
  /** Of the `X-Amz-Target` header, before the dot. */
  readonly targetPrefix: string
  readonly operations: Readonly<Record<string, OperationModel>>
  readonly shapes: Readonly<Record<string, Shape>>
}
