import { restoreEngineError } from '@millrace/engine/spi'
import type { ApplicationEvent } from '@millrace/service/launchers'
import { absolutePath } from '../places.ts'
import { askApplication } from './control-client.ts'

/** Takes a savepoint of a running application and prints its folder on standard output. */
export async function savepointCommand(directory: string, path: string | undefined): Promise<void> {
  const answer = await askApplication(directory, { type: 'savepoint', ...place(path) })
  process.stdout.write(`${savepointPath(answer)}\n`)
}

/** Stops a running application with a savepoint and prints its folder on standard output. */
export async function stopCommand(
  directory: string,
  { drain, path }: { readonly drain: boolean; readonly path?: string | undefined },
): Promise<void> {
  const answer = await askApplication(directory, { type: 'stop', drain, ...place(path) })
  process.stdout.write(`${savepointPath(answer)}\n`)
}

/** The application has a working directory of its own: it is told absolute paths. */
function place(path: string | undefined): { path?: string } {
  return path === undefined ? {} : { path: absolutePath(path) }
}

function savepointPath(answer: ApplicationEvent): string {
  if (answer.type !== 'savepoint') throw new TypeError(`The answer to a savepoint was '${answer.type}'.`)
  if ('error' in answer) throw restoreEngineError(answer.error)
  return answer.path
}
