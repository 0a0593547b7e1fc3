#!/usr/bin/env node
import { runCommandLine } from './command-line.ts'
import { EXIT } from './exit-codes.ts'

// The SDK is pinned to a version that this Node runs; its notice about later ones isn't for the application's user.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

// Whoever read the output has gone (`millrace run app.ts | head`): there is nobody left to run for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.parentGone)
  throw error
})

const exitCode = await runCommandLine(process.argv.slice(2))
// To a socket, which is what a Node parent gives, Node writes later: an exit would cut the end of the answer off. What threads
// have printed comes behind that.
for (const stream of [process.stdout, process.stderr]) {
  do await new Promise<void>((resolve) => stream.write('', () => resolve()))
  while (stream.writableLength > 0)
}
// What an application leaves open must not keep a finished command alive.
process.exit(exitCode)
