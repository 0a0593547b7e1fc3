/*
 * For `node -r`: at each SIGUSR2 the clock of this process goes 200 s ahead. That is more than the three minutes of a
 * presigned URL, and less than the five that the time of a signature may differ.
 */
const now = Date.now
let aheadMs = 0
Date.now = () => now() + aheadMs
process.on('SIGUSR2', () => {
  aheadMs += 200_000
  process.stderr.write('clock is ahead\n')
})
