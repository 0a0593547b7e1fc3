import fc from 'fast-check'
import { unzipSync, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import type { ApiError } from '../../wire/api-error.ts'
import { checkBundle } from './check-bundle.ts'

const code = 'export default 1\n'

function zipOf(files: Readonly<Record<string, string | Uint8Array | undefined>>): Buffer {
  return Buffer.from(
    zipSync(Object.fromEntries(Object.entries(files).map(([name, data]) => [name, Buffer.from(data!)]))),
  )
}

/** The place of the first entry in the central directory. */
function entryOf(zip: Buffer): number {
  return zip.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]))
}

function changed(zip: Buffer, change: (zip: Buffer, entry: number) => void): Buffer {
  const copy = Buffer.from(zip)
  change(copy, entryOf(copy))
  return copy
}

/** The zip with another number of entries in its end record. */
function counting(zip: Buffer, entries: number): Buffer {
  return changed(zip, (copy) => copy.fill(Buffer.from([entries & 255, entries >> 8]), zip.length - 14, zip.length - 10))
}

function refused(message: string | RegExp) {
  return { type: 'CodeValidationException', status: 400, message: expect.stringMatching(message) }
}

test.each([
  {
    it: 'what millrace build makes',
    files: { 'app.mjs': code, 'app.mjs.map': '{}', 'package.json': '{"main":"app.mjs"}' },
  },
  { it: 'a main module elsewhere', files: { 'package.json': '{"main":"./lib/start.js"}', 'lib/start.js': code } },
  { it: 'no package.json', files: { 'index.js': code, 'data/model.py': 'x = 1' } },
  { it: 'a package.json without main', files: { 'package.json': '{}', 'main.mjs': code } },
])('takes $it', async ({ files }) => {
  await checkBundle(zipOf(files))
})

test('takes files that are stored, not packed, and folders', async () => {
  const zip = zipSync({
    lib: { 'a.mjs': [Buffer.from(code), { level: 0 }] },
    'app.mjs': [Buffer.from(code), { level: 0 }],
  })
  await checkBundle(Buffer.from(zip))
})

test.each([
  { it: 'a path that leads out', files: { 'app.mjs': code, '../evil.mjs': code }, message: 'leads out' },
  { it: 'one that does so later', files: { 'app.mjs': code, 'a/../../evil.mjs': code }, message: 'leads out' },
  { it: 'an absolute path', files: { 'app.mjs': code, '/etc/passwd': code }, message: 'leads out' },
  { it: 'a path of Windows', files: { 'app.mjs': code, '..\\evil.mjs': code }, message: 'leads out' },
  { it: 'a drive', files: { 'app.mjs': code, 'C:evil.mjs': code }, message: 'leads out' },
  { it: 'a NUL in a path', files: { 'app.mjs': code, 'a\0.mjs': code }, message: 'leads out' },
  { it: 'two files of one path', files: { 'app.mjs': code, './app.mjs': code }, message: 'two files' },
  {
    it: 'a main module that is missing',
    files: { 'package.json': '{"main":"a.mjs"}', 'app.mjs': code },
    message: 'main',
  },
  { it: 'a main module outside', files: { 'package.json': '{"main":"../a.mjs"}' }, message: 'leads out' },
  { it: 'a package.json that is none', files: { 'package.json': '{', 'app.mjs': code }, message: "isn't JSON" },
  { it: 'no main module', files: { 'readme.md': 'x' }, message: 'no app.mjs' },
  { it: 'a JAR', files: { 'META-INF/MANIFEST.MF': 'x', 'app.js': code }, message: /JAR.*Flink runtime/ },
  { it: 'Java classes', files: { 'a/B.class': 'x' }, message: /JAR.*Flink runtime/ },
  { it: 'a PyFlink application', files: { 'main.py': 'x', 'lib/flink.jar': 'x' }, message: /PyFlink.*Flink runtime/ },
])('refuses $it', async ({ files, message }) => {
  await expect(checkBundle(zipOf(files))).rejects.toMatchObject(refused(message))
})

describe('of damaged and hostile zips', () => {
  const zip = zipOf({ 'app.mjs': code.repeat(100) })

  test.each([
    { it: 'what is no zip', bytes: Buffer.from('#!/bin/sh\n'), message: "isn't a zip" },
    { it: 'nothing', bytes: Buffer.alloc(0), message: "isn't a zip" },
    { it: 'one that is cut off', bytes: zip.subarray(0, zip.length - 30), message: "isn't a zip" },
    {
      it: 'a symbolic link',
      bytes: changed(zip, (z, e) => z.writeUInt16LE(0xa1ff, e + 40)),
      message: 'symbolic link',
    },
    { it: 'an encrypted file', bytes: changed(zip, (z, e) => z.writeUInt16LE(1, e + 8)), message: 'encrypted' },
    { it: 'another method', bytes: changed(zip, (z, e) => z.writeUInt16LE(12, e + 10)), message: 'deflate' },
    { it: 'data beyond the end', bytes: changed(zip, (z, e) => z.writeUInt32LE(1 << 30, e + 20)), message: 'cut off' },
    { it: 'a zip64', bytes: counting(zip, 0xffff), message: 'zip64' },
    { it: 'too many entries', bytes: counting(zip, 20_000), message: '10000' },
    {
      it: 'entries that are not there',
      bytes: counting(zip, 3),
      message: 'damaged',
    },
    {
      it: 'two counts that differ',
      bytes: changed(zip, (z) => z.writeUInt16LE(2, z.length - 12)),
      message: 'damaged',
    },
    {
      it: 'data that is damaged',
      bytes: changed(zip, (z) => z.fill(0xff, 40, 50)),
      message: "can't be unpacked",
    },
    {
      it: 'a size that is declared too large',
      bytes: changed(zip, (z, e) => z.writeUInt32LE(600 << 20, e + 24)),
      message: 'more than 536870912 bytes',
    },
  ])('refuses $it', async ({ bytes, message }) => {
    await expect(checkBundle(bytes)).rejects.toMatchObject(refused(message))
  })

  test('a bomb that declares a small size is unpacked no further than that', async () => {
    const bomb = changed(zipOf({ 'app.mjs': Buffer.alloc(64 << 20) }), (z, e) => z.writeUInt32LE(10, e + 24))
    const before = process.memoryUsage().arrayBuffers
    await expect(checkBundle(bomb)).rejects.toMatchObject(refused('not of the size that is declared'))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20)
  })

  test('whatever is damaged is refused in the API’s own way, and what is taken can be unpacked', async () => {
    const whole = zipOf({ 'app.mjs': code, 'package.json': '{"main":"app.mjs"}', 'a/b.txt': 'b' })
    const damage = fc.array(fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(whole)
        for (const { at, byte } of changes) bytes[at] = byte
        const error = await checkBundle(bytes).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (error === undefined) expect(Object.keys(unzipSync(bytes)).length).toBeGreaterThan(0)
        else expect((error as ApiError).type).toBe('CodeValidationException')
      }),
      { numRuns: 500 },
    )
  })
})
