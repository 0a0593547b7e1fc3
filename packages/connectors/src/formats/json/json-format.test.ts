import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findJsonError } from './find-json-error.ts'
import { json, type StandardSchema } from './json-format.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

describe('decode', () => {
  test.each([
    ['{"a":}', 'The record isn’t JSON at character 5 of 6: expected a value.'],
    ['{"a":1', "The record isn’t JSON at character 6 of 6: ends early, expected ',' or '}'."],
    ['[1 2]', "The record isn’t JSON at character 3 of 5: expected ',' or ']'."],
    ['{a:1}', 'The record isn’t JSON at character 1 of 5: expected a name in quotes.'],
    ['"secret', 'The record isn’t JSON at character 7 of 7: unclosed string.'],
    ['', 'The record isn’t JSON at character 0 of 0: ends early, expected a value.'],
    ['1 1', 'The record isn’t JSON at character 2 of 3: text after the value.'],
  ])('%s', (text, message) => {
    expect(messageOf(() => json().decode(bytes(text)))).toBe(message.replace('’', "'"))
  })

  test('bytes that aren’t UTF-8 are refused at their place, not replaced', () => {
    const record = new Uint8Array([...bytes('{"é":"'), 0xff, ...bytes('"}')])
    expect(messageOf(() => json().decode(record))).toBe("The record isn't UTF-8 at byte 7.")
    const cut = bytes('"é').slice(0, 2)
    expect(messageOf(() => json().decode(cut))).toMatch(/^The record isn't UTF-8 at byte \d\.$/)
  })

  test('what validate throws is the reason', () => {
    const format = json<number>({
      validate: (value) => {
        if (typeof value !== 'number') throw new Error('amount must be a number')
        return value * 2
      },
    })
    expect(format.decode(bytes('21'))).toBe(42)
    expect(() => format.decode(bytes('"21"'))).toThrow(
      expect.objectContaining({
        code: 'RECORD_MALFORMED',
        message: 'The record was refused: amount must be a number.',
      }),
    )
  })

  test('a Standard Schema checks and transforms; its issues are the reason', () => {
    const schema: StandardSchema<{ n: number }> = {
      '~standard': {
        validate: (value) =>
          typeof (value as { n?: unknown }).n === 'number'
            ? { value: { n: (value as { n: number }).n + 1 } }
            : { issues: [{ message: 'expected a number', path: [{ key: 'n' }] }] },
      },
    }
    expect(json({ schema }).decode(bytes('{"n":1}'))).toEqual({ n: 2 })
    expect(messageOf(() => json({ schema }).decode(bytes('{}')))).toBe('The record was refused: n: expected a number.')
  })
})

describe('encode', () => {
  test('round trip of any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const format = json()
        expect(format.decode(format.encode(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  const cyclic: { inner: { back?: unknown } } = { inner: {} }
  cyclic.inner.back = cyclic
  test.each([
    [{ order: { lines: [{ cents: 1 }, { cents: 5n }] } }, 'order.lines[1].cents is a bigint'],
    [7n, 'the value is a bigint'],
    [[[1n]], '[0][0] is a bigint'],
    [{ 'a b': 1n }, '"a b" is a bigint'],
    [undefined, 'the value is undefined'],
    [() => 1, 'the value is a function'],
    [cyclic, 'inner.back is a reference to an object around it'],
  ])('names the path of what JSON can’t hold: %#', (value, problem) => {
    expect(() => json().encode(value)).toThrow(
      expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE', message: `${problem}, which JSON can't hold.` }),
    )
  })
})

describe('findJsonError', () => {
  const valid = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }

  test('finds an error exactly where JSON.parse does, and only text before it can be continued', () => {
    const mutated = fc
      .tuple(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', '-', 'e', '.', ' ', '\n', 'tru'),
      )
      .map(([value, at, inserted]) => {
        const text = JSON.stringify(value, null, at % 3)
        const cut = at % (text.length + 1)
        return text.slice(0, cut) + inserted + text.slice(cut + (at % 2))
      })
    fc.assert(
      fc.property(mutated, (text) => {
        const error = findJsonError(text)
        expect(error === undefined).toBe(valid(text))
        if (error !== undefined) expect(error.offset).toBeLessThanOrEqual(text.length)
      }),
      { numRuns: 3000 },
    )
  })

  test('a hundred thousand open arrays are no problem', () => {
    expect(findJsonError('['.repeat(100_000))).toMatchObject({ offset: 100_000 })
  })
})
