import { type Application, type ApplicationContext, EngineError, StreamExecutionEnvironment } from '@millrace/engine'
import type { JobGraph } from '@millrace/engine/host'

/** What an application has declared. */
export interface DeclaredApplication {
  readonly env: StreamExecutionEnvironment
  readonly graph: JobGraph
}

/**
 * Builds an application once: on the coordinator and on every thread, with the same outcome. `name`
 * stands in place of the application's own.
 * Errors: `BUILD_ASYNC`, those of the graph, and whatever `build` throws.
 */
export function declareApplication(
  application: Application,
  context: ApplicationContext,
  parallelism: number,
  name = application.name,
): DeclaredApplication {
  const env = StreamExecutionEnvironment.create({ parallelism })
  const returned: unknown = application.build(env, context)
  if (typeof (returned as { then?: unknown } | undefined)?.then === 'function') {
    // Its failure would otherwise end the process before this one is told.
    ;(returned as Promise<unknown>).then(undefined, () => {})
    throw new EngineError('BUILD_ASYNC', {
      kind: 'invalid',
      message: `The application '${application.name}' has an async build().`,
      hint: 'build() only declares and runs on every thread: make it synchronous, and open clients in sources and sinks.',
      details: { application: application.name },
    })
  }
  return { env, graph: env.compile(name) }
}
