import { join } from 'node:path'
import { ensure, root, runForwarding, tsxArguments } from './ensure.mjs'

/* `npm start`: the fraud detection example from end to end; `npm start -- --help` shows its options. */
await ensure()
const main = join(root, 'examples', 'fraud-detection', 'src', 'start', 'main.ts')
process.exit(await runForwarding(process.execPath, tsxArguments(main, process.argv.slice(2))))
