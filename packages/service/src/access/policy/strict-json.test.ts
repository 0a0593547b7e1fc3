import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseStrictJson } from './strict-json.ts'

test('what is JSON is parsed as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      expect(parseStrictJson(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('what is not JSON is refused, as JSON.parse does', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"a"',
    '"b"',
    '1',
    '-',
    'true',
    'nul',
    ' ',
    '\n',
    '"',
    '\\',
    '01',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      let isJson = true
      try {
        JSON.parse(text)
      } catch {
        isJson = false
      }
      // Members that are there twice are refused here alone.
      fc.pre(!isJson || !text.includes('{'))
      if (isJson) expect(parseStrictJson(text)).toEqual(JSON.parse(text))
      else expect(() => parseStrictJson(text)).toThrow(/^line \d+, column \d+: /)
    }),
    { numRuns: 3000 },
  )
})

test.each([
  { text: '{\n  "a": [}\n}', message: "line 2, column 9: '}' where a value should be" },
  { text: '{"a":', message: 'line 1, column 6: it ends too early' },
  { text: '{"a": 1,\n "a": 2}', message: 'line 2, column 2: "a" is there twice' },
  { text: '{"a" 1}', message: "line 1, column 6: 1 where ':' should be" },
  { text: '{} {}', message: 'line 1, column 4: more than one value' },
  { text: `${'['.repeat(40)}${']'.repeat(40)}`, message: 'line 1, column 34: nested too deep' },
  { text: '"open', message: 'line 1, column 1: a text that is not closed or has a bad escape' },
])('$text: $message', ({ text, message }) => expect(() => parseStrictJson(text)).toThrow(message))
