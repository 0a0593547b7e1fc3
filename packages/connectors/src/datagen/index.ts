/** A source that makes its records itself. */
export { datagen } from './datagen-source.ts'
export type { DatagenOptions } from './options.ts'
export type { DatagenEnumeratorState, DatagenSplit } from './splits.ts'
