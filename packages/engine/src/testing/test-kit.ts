/** What the contract suites use of a test runner's `expect(…)`. */
export interface Matchers {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
}

/** The test runner a contract suite declares its tests with: Vitest's own functions fit, so does any that looks the same. */
export interface TestKit {
  describe(name: string, declare: () => void): void
  test(name: string, run: () => Promise<void>): void
  expect(actual: unknown, message?: string): Matchers
}
