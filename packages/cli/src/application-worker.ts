import type { ApplicationContext } from '@millrace/engine'
import { runWorker, workerApplication } from '@millrace/engine/host'
import { declareApplication } from './application/declare-application.ts'
import { loadApplication } from './application/load-application.ts'
import { applicationFileSystems } from './file-systems.ts'

/** How each thread loads the application: plain data. */
export interface WorkerApplication {
  readonly moduleFile: string
  readonly shownAs: string
  readonly context: ApplicationContext
  readonly parallelism: number
  /** In place of the application's own. */
  readonly name: string | undefined
}

/** The entry of every worker thread: loads the application, declares it again, runs its share. */
async function main(): Promise<void> {
  const { moduleFile, shownAs, context, parallelism, name } = workerApplication() as WorkerApplication
  const application = await loadApplication(moduleFile, shownAs)
  const { graph } = declareApplication(application, context, parallelism, name)
  runWorker({ graph, fileSystems: applicationFileSystems() })
}

await main()
