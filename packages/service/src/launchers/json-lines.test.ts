import type { EngineError } from '@millrace/engine/spi'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeLine, JsonLineDecoder } from './json-lines.ts'

test('messages come out whole, however the bytes were cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.infiniteStream(fc.nat(20)),
      (messages, cuts) => {
        const expected = messages.map((message) => JSON.parse(JSON.stringify(message)))
        const bytes = new TextEncoder().encode(messages.map(encodeLine).join(''))
        const decoder = new JsonLineDecoder()
        const decoded: unknown[] = []
        for (let at = 0; at < bytes.length; ) {
          const length = 1 + (cuts.next().value as number)
          decoded.push(...decoder.push(bytes.subarray(at, at + length), (error) => expect.unreachable(error.message)))
          at += length
        }
        expect(decoded).toEqual(expected)
      },
    ),
  )
})

test.each(['nonsense', '[1]', '"text"', '7', 'null', '{"type":'])(
  '%s is refused, and the next line is read',
  (line) => {
    const refused: EngineError[] = []
    const messages = new JsonLineDecoder().push(new TextEncoder().encode(`${line}\n\n{"type":"cancel"}\n`), (error) =>
      refused.push(error),
    )
    expect(refused.map(({ code }) => code)).toEqual(['LINE_MALFORMED'])
    expect(messages).toEqual([{ type: 'cancel' }])
  },
)

test('a line without an end is given up before it fills the memory', () => {
  const decoder = new JsonLineDecoder()
  const piece = new Uint8Array(4 << 20).fill(0x61)
  expect(() => {
    for (let i = 0; i < 5; i++) decoder.push(piece, () => {})
  }).toThrow(expect.objectContaining({ code: 'LINE_TOO_LONG' }))
})
