import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import type { Matchers, TestKit } from '@millrace/engine/testing'

/** A declared test with the names of its suites before its own. */
interface DeclaredTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/**
 * Runs contract suites without a test runner, one test after another.
 *
 * @param declare calls the suites with the kit it is given
 * @returns how many tests passed
 * @throws an error naming every failed test
 */
export async function runSuites(declare: (kit: TestKit) => void, log: (line: string) => void): Promise<number> {
  const tests: DeclaredTest[] = []
  const suites: string[] = []
  declare({
    describe(name, body) {
      suites.push(name)
      body()
      suites.pop()
    },
    test: (name, run) => void tests.push({ name: [...suites, name].join(' > '), run }),
    expect: matchers,
  })
  const failures: string[] = []
  for (const { name, run } of tests) {
    try {
      await run()
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      log(`failed: ${failures.at(-1)}`)
    }
  }
  if (failures.length > 0) throw new Error(`${failures.length} of ${tests.length} failed:\n${failures.join('\n')}`)
  return tests.length
}

function matchers(actual: unknown, message?: string): Matchers {
  return {
    toBe: (expected) => strictEqual(actual, expected, message),
    toEqual: (expected) => deepStrictEqual(actual, expected, message),
    toMatchObject: (expected) => deepStrictEqual(likeExpected(actual, expected), expected, message),
  }
}

/** The part of a value that has the expected one's shape. */
function likeExpected(actual: unknown, expected: unknown): unknown {
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return actual
  const fields = Object.entries(expected).map(([key, value]) => {
    return [key, likeExpected((actual as Record<string, unknown>)[key], value)]
  })
  return Object.fromEntries(fields)
}
