import { EngineError } from '@millrace/engine'

/** What to do about an error that the service answers with by this name. */
export function hintOf(code: string): string | undefined {
  return hints[code]
}

const hints: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'millrace apps lists what is there.',
  ResourceInUseException: 'millrace apps describe NAME tells its state; apps stop NAME --force ends what is under way.',
  ConcurrentModificationException: 'Somebody else changed it meanwhile: try again.',
  UnrecognizedClientException: 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).',
  InvalidSignatureException: 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).',
  CredentialsProviderError: 'Set MILLRACE_HOME to the data directory of the service (millrace serve --data).',
}

/** What went wrong at a service, for a person: what, where and what to do next. Other errors as they are. */
export function serviceError(error: unknown, url: string): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error
  const code = connectionCode(error)
  if (code !== undefined) {
    return new EngineError('SERVICE_UNREACHABLE', {
      kind: 'unavailable',
      message: `No service answers at ${url} (${code}).`,
      hint: 'Start one with: millrace serve. Another address is given with --url or MILLRACE_URL.',
      details: { url },
      cause: error,
    })
  }
  const isAnswer = '$metadata' in error || error.name === 'CredentialsProviderError'
  if (!isAnswer) return error
  const hint = hintOf(error.name)
  return new EngineError(error.name, {
    kind: 'invalid',
    message: error.message,
    ...(hint === undefined ? {} : { hint }),
    details: { url },
  })
}

/** Node's code for a connection that failed, also below what `fetch` and the SDK throw. */
function connectionCode(error: Error): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException
    if (code !== undefined && /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|UND_ERR)/.test(code)) return code
  }
  return undefined
}
