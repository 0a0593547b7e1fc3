/** JSON, one value a record. */
export { type JsonOptions, json, type StandardSchema } from './json-format.ts'
