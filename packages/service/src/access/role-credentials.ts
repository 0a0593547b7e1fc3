import { type Clock, EngineError } from '@millrace/engine/spi'
import type { AccessDirectory } from './access-directory.ts'
import type { RoleAwsSource } from './role-aws-source.ts'

/** Credentials of AWS; without an expiration they hold until somebody changes them. */
export interface AwsSessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** Gives the credentials that hold now. Errors: `ROLE_CREDENTIALS_FAILED` (invalid or unavailable) with the role and why. */
export type AwsCredentialsProvider = () => Promise<AwsSessionCredentials>

/** Credentials for AWS's own services, by Millrace role. */
export interface AwsRoleCredentials {
  /** Refreshed before they expire. `sessionName` is who AWS sees; undefined when there is no such role or it has none. */
  of(roleArn: string, sessionName: string): AwsCredentialsProvider | undefined
}

/** Fetches credentials from where they come from. */
export type FetchAwsCredentials = (source: RoleAwsSource, sessionName: string) => Promise<AwsSessionCredentials>

/** Before they expire; also how long credentials without an expiration hold before they are looked up again. */
const refreshMs = 5 * 60_000
const maxRemembered = 1_024

/** One set of credentials for each source and session, fetched when it's asked for. */
export class CachedRoleCredentials implements AwsRoleCredentials {
  readonly #directory: Pick<AccessDirectory, 'roleOfArn'>
  readonly #clock: Clock
  readonly #fetch: FetchAwsCredentials
  readonly #providers = new Map<string, AwsCredentialsProvider>()

  constructor(directory: Pick<AccessDirectory, 'roleOfArn'>, clock: Clock, fetch: FetchAwsCredentials = fetchFromAws) {
    this.#directory = directory
    this.#clock = clock
    this.#fetch = fetch
  }

  of(roleArn: string, sessionName: string): AwsCredentialsProvider | undefined {
    const source = this.#directory.roleOfArn(roleArn)?.aws
    if (source === undefined) return undefined
    const session = sessionName.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64)
    const id = JSON.stringify([roleArn, source, session])
    const known = this.#providers.get(id)
    if (known !== undefined) return known
    if (this.#providers.size >= maxRemembered) this.#providers.clear()
    const provider = this.#provider(roleArn, () => this.#fetch(source, session))
    this.#providers.set(id, provider)
    return provider
  }

  #provider(roleArn: string, fetch: AwsCredentialsProvider): AwsCredentialsProvider {
    let held: { readonly credentials: AwsSessionCredentials; readonly refreshAtMs: number } | undefined
    let fetching: Promise<AwsSessionCredentials> | undefined
    const refresh = async () => {
      try {
        const credentials = await fetch()
        const nowMs = this.#clock.now()
        const { expiration } = credentials
        const refreshAtMs = expiration === undefined ? nowMs + refreshMs : expiration.getTime() - refreshMs
        held = { credentials, refreshAtMs }
        return credentials
      } catch (error) {
        const expiresMs = held?.credentials.expiration?.getTime()
        if (held !== undefined && expiresMs !== undefined && expiresMs > this.#clock.now()) return held.credentials
        throw credentialsFailed(roleArn, error)
      } finally {
        fetching = undefined
      }
    }
    return async () => {
      if (held !== undefined && this.#clock.now() < held.refreshAtMs) return held.credentials
      fetching ??= refresh()
      return fetching
    }
  }
}

/** The SDK's own ways. What they keep in memory of files isn't used: who changes a profile needs no restart. */
async function fetchFromAws(source: RoleAwsSource, sessionName: string): Promise<AwsSessionCredentials> {
  switch (source.from) {
    case 'node':
      return fromNode()
    case 'profile':
      return fromProfile(source.profile)
    case 'role':
      return fromRole(source, sessionName)
  }
}

async function fromNode(): Promise<AwsSessionCredentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider({ ignoreCache: true })()
}

/** Not by the SDK's chain: it would answer with the instance's rights when the profile is missing. */
async function fromProfile(profile: string): Promise<AwsSessionCredentials> {
  const { fromIni } = await import('@aws-sdk/credential-provider-ini')
  return fromIni({ profile, ignoreCache: true })()
}

async function fromRole(
  { roleArn, externalId, profile }: RoleAwsSource & { readonly from: 'role' },
  sessionName: string,
): Promise<AwsSessionCredentials> {
  const [own, { getDefaultRoleAssumer }] = await Promise.all([
    profile === undefined ? fromNode() : fromProfile(profile),
    import('@aws-sdk/nested-clients/sts'),
  ])
  const assume = getDefaultRoleAssumer({
    ...(profile === undefined ? {} : { profile }),
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  })
  return assume({ ...own }, { RoleArn: roleArn, RoleSessionName: sessionName, ExternalId: externalId })
}

function credentialsFailed(roleArn: string, error: unknown): EngineError {
  const { name = 'Error', message = '', $fault } = (error ?? {}) as { name?: string; message?: string; $fault?: string }
  const isRefused = $fault === 'client' || name === 'CredentialsProviderError'
  // The command line of a credential_process, which is in its failure, may have a secret in it; so the cause is left out.
  const reason = /command failed/i.test(message) ? 'the credential_process of the profile failed' : message
  return new EngineError('ROLE_CREDENTIALS_FAILED', {
    kind: isRefused ? 'invalid' : 'unavailable',
    message: `There are no credentials of AWS for role ${roleArn}: ${name}: ${reason}`,
    hint: "Check the AWS configuration of the service's machine and the trust policy of the role at AWS.",
    details: { roleArn },
  })
}
