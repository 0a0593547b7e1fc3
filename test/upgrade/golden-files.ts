import { readFileSync } from 'node:fs'
import { encodeKey, keyHash } from '../../packages/engine/src/types/key.ts'
import { keyGroupOf } from '../../packages/engine/src/types/key-group.ts'
import { encodeValueBytes } from '../../packages/engine/src/types/value-codec.ts'
import { hexdump } from './hexdump.ts'
import { fromReadable } from './readable-value.ts'
import { type SnapshotCase, writeSnapshotCase } from './snapshot-case.ts'

/** A file of expected bytes and what today's code makes of the input beside it. */
export interface GoldenFile {
  /** Relative to `golden/`. */
  readonly path: string
  make(): string
}

/** Every golden file of this folder. */
export const goldenFiles: readonly GoldenFile[] = [
  { path: 'v1/values/expected.jsonl', make: () => lines(goldenInput('v1/values'), describeValue) },
  { path: 'v1/keys/expected.jsonl', make: () => lines(goldenInput('v1/keys'), describeKey) },
  { path: 'v1/snapshot-file/expected.hex', make: () => hexdump(writeSnapshotCase(snapshotInput('v1/snapshot-file'))) },
]

/** One line of a list in `input.json`. */
export interface InputLine {
  readonly it: string
  readonly value?: unknown
  readonly key?: unknown
}

export function goldenUrl(path: string): URL {
  return new URL(`golden/${path}`, import.meta.url)
}

export function goldenInput(folder: string): InputLine[] {
  return JSON.parse(readFileSync(goldenUrl(`${folder}/input.json`), 'utf8'))
}

export function snapshotInput(folder: string): SnapshotCase {
  return fromReadable(goldenInput(folder)) as SnapshotCase
}

function describeValue({ it, value }: InputLine): object {
  return { it, bytes: Buffer.from(encodeValueBytes(fromReadable(value))).toString('hex') }
}

function describeKey({ it, key }: InputLine): object {
  const bytes = encodeKey(fromReadable(key))
  const hash = keyHash(bytes)
  return { it, bytes: Buffer.from(bytes).toString('hex'), hash, keyGroupOf256: keyGroupOf(hash, 256) }
}

function lines(inputs: readonly InputLine[], describe: (input: InputLine) => object): string {
  return inputs.map((input) => `${JSON.stringify(describe(input))}\n`).join('')
}
