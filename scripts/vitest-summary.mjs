import { writeFileSync } from 'node:fs'

/** Vitest reporter: counts for the last line of `npm test`, written to the file that TEST_SUMMARY_FILE names. */
export default class Summary {
  onTestRunEnd(modules, unhandledErrors) {
    const summary = { passed: 0, failed: unhandledErrors.length, skipped: [], flaky: [] }
    for (const module of modules) {
      let failed = 0
      for (const test of module.children.allTests()) {
        const name = `${module.relativeModuleId} > ${test.fullName}`
        const { state } = test.result()
        if (state === 'passed') summary.passed++
        else if (state === 'failed') failed++
        else summary.skipped.push(name)
        if (test.diagnostic()?.flaky) summary.flaky.push(name)
      }
      // A file that can't be loaded, or whose hooks fail, has no failed test of its own.
      if (failed === 0 && module.state() === 'failed') failed = Math.max(module.errors().length, 1)
      summary.failed += failed
    }
    writeFileSync(process.env.TEST_SUMMARY_FILE, JSON.stringify(summary))
  }
}
