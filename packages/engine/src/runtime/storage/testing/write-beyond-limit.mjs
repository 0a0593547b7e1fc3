// Run under a limit of 64 KiB on the size of files: prints what each way of writing more answers.
import { systemClock } from '../../../common/clock.ts'
import { systemRandom } from '../../../common/random.ts'
import { localFileSystem } from '../local-file-system.ts'

const [folder] = process.argv.slice(2)
const files = localFileSystem({ clock: systemClock, random: systemRandom })
const codeOf = (promise) =>
  promise.then(
    () => 'none',
    (error) => error.code,
  )

const part = await files.openFile(`${folder}/part`)
part.write(new Uint8Array(40_000).fill(97))
const persisted = await part.persist()
part.write(new Uint8Array(40_000).fill(98))
const codes = [
  await codeOf(part.persist()),
  await codeOf(files.write(`${folder}/whole`, new Uint8Array(70_000))),
  await codeOf(files.createExclusive(`${folder}/fence`, new Uint8Array(70_000))),
]
process.stdout.write(JSON.stringify({ codes, persisted }))
