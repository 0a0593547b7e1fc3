/** Shared by the connectors that speak to AWS: options, client configuration, errors and retries. */
export * from './aws-errors.ts'
export * from './aws-options.ts'
export * from './backoff.ts'
export * from './check-options.ts'
export * from './client-config.ts'
export * from './retry.ts'
