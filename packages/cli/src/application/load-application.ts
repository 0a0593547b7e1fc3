import { pathToFileURL } from 'node:url'
import { type Application, EngineError, isApplication } from '@millrace/engine'
import { asEngineError } from '@millrace/engine/spi'

/**
 * Loads a module's application, with stacks of its code by its source maps.
 * Errors (invalid): `APPLICATION_NOT_LOADED`, `APPLICATION_MISSING`.
 */
export async function loadApplication(moduleFile: string, shownAs: string): Promise<Application> {
  process.setSourceMapsEnabled(true)
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(moduleFile).href)) as typeof module
  } catch (error) {
    throw notLoaded(error, shownAs)
  }
  if (isApplication(module.default)) return module.default
  throw new EngineError('APPLICATION_MISSING', {
    kind: 'invalid',
    message:
      module.default === undefined
        ? `${shownAs} has no default export.`
        : `The default export of ${shownAs} isn't an application.`,
    hint: 'Write: export default defineApplication({ name, build(env, ctx) { … } })',
    details: { module: shownAs },
  })
}

function notLoaded(cause: unknown, shownAs: string): EngineError {
  const { code, message, stack } = asEngineError(cause)
  const missing = (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
  const error = new EngineError('APPLICATION_NOT_LOADED', {
    kind: 'invalid',
    message: `${shownAs} could not be loaded: ${message}`,
    hint: missing ? 'Install what it imports in its folder (npm install).' : undefined,
    details: { module: shownAs, code },
    cause,
  })
  error.stack = stack
  return error
}
