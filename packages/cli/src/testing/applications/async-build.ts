import { defineApplication } from 'millrace'

/** Wrong: build() must be synchronous. */
export default defineApplication({
  name: 'async-build',
  async build() {
    await Promise.reject(new Error('too late'))
  },
})
