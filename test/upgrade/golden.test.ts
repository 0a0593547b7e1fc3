import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeKey, encodeKey } from '../../packages/engine/src/types/key.ts'
import { decodeValueBytes } from '../../packages/engine/src/types/value-codec.ts'
import { goldenFiles, goldenInput, goldenUrl, snapshotInput } from './golden-files.ts'
import { hexdump, parseHexdump } from './hexdump.ts'
import { fromReadable } from './readable-value.ts'
import { readSnapshotCase, rewriteSnapshot } from './snapshot-case.ts'

const golden = (path: string) => readFileSync(goldenUrl(path), 'utf8')
const expectedLines = (folder: string): { it: string; bytes: string }[] =>
  golden(`${folder}/expected.jsonl`)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test.each(goldenFiles)('$path is what the code writes', ({ path, make }) => {
  expect(make()).toBe(golden(path))
})

test('values of version 1 are read', () => {
  const inputs = goldenInput('v1/values')
  for (const [i, { it, bytes }] of expectedLines('v1/values').entries()) {
    expect({ it, value: decodeValueBytes(Buffer.from(bytes, 'hex')) }).toStrictEqual({
      it: inputs[i]!.it,
      value: fromReadable(inputs[i]!.value),
    })
  }
})

test('keys of version 1 are read', () => {
  const inputs = goldenInput('v1/keys')
  for (const [i, { it, bytes }] of expectedLines('v1/keys').entries()) {
    expect(it).toBe(inputs[i]!.it)
    expect(encodeKey(decodeKey(Buffer.from(bytes, 'hex')))).toEqual(encodeKey(fromReadable(inputs[i]!.key)))
  }
})

test('a snapshot file of version 1 is read, and written again byte by byte', () => {
  const bytes = parseHexdump(golden('v1/snapshot-file/expected.hex'))
  const input = snapshotInput('v1/snapshot-file')
  expect(readSnapshotCase(bytes, input)).toStrictEqual(input)
  expect(hexdump(rewriteSnapshot(bytes))).toBe(hexdump(bytes))
})
