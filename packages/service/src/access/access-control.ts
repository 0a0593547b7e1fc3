import type { IncomingHttpHeaders } from 'node:http'
import { hostname } from 'node:os'
import type { Clock, Logger, Scheduler } from '@millrace/engine/spi'
import { AccessDirectory } from './access-directory.ts'
import type { AccessStore } from './access-store.ts'
import { AuditLog } from './audit-log.ts'
import { CallAccess, type RequestOrigin } from './call-access.ts'
import type { Credentials } from './credentials-file.ts'
import { DashboardLinks } from './dashboard-links.ts'
import { type ExecutionCredentials, type IsLive, RoleSessions } from './execution-credentials.ts'
import { MonitoringGate } from './monitoring-gate.ts'
import type { Account, Identity } from './principal.ts'
import { FailureDelays, PrincipalRates } from './request-limits.ts'
import { type AwsRoleCredentials, CachedRoleCredentials } from './role-credentials.ts'
import { openSecretBox } from './secret-box.ts'
import { SignatureVerifier } from './signature-v4.ts'
import { SqlAccessStore } from './sql-access-store.ts'

export interface AccessSettings {
  readonly dataDirectory: string
  readonly account: Account
  /** The administrator's key. */
  readonly credentials: Credentials
  /** 64 hex digits; unless given, `access.key` in the data directory. Several nodes need the same. */
  readonly encryptionKey?: string | undefined
  /** `postgres://…`: shared with other nodes. Otherwise `access.db` in the data directory. */
  readonly storeUrl?: string | undefined
  /** Default 10,000. */
  readonly requestsPerSecond?: number | undefined
}

export interface AccessParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
  /** In place of the one of `storeUrl`. */
  readonly store?: AccessStore | undefined
  /** Whether a process now runs its application. */
  readonly isLive?: IsLive | undefined
}

/** Everything about who may do what, of one endpoint. */
export class AccessControl {
  readonly directory: AccessDirectory
  readonly verifier: SignatureVerifier
  readonly links: DashboardLinks
  readonly executionCredentials: ExecutionCredentials
  readonly roleCredentials: AwsRoleCredentials
  readonly monitoring: MonitoringGate
  readonly audit: AuditLog
  readonly rates: PrincipalRates
  readonly failures: FailureDelays
  readonly account: Account
  readonly #clock: Clock

  private constructor(settings: AccessSettings, parts: AccessParts, directory: AccessDirectory, gate: MonitoringGate) {
    const { clock } = parts
    const { account } = settings
    this.account = account
    this.directory = directory
    this.monitoring = gate
    this.#clock = clock
    const sessions = new RoleSessions(directory, clock, parts.isLive)
    this.executionCredentials = sessions
    this.roleCredentials = new CachedRoleCredentials(directory, clock)
    const keys = {
      holderOf: async (accessKeyId: string, sessionToken: string | undefined) =>
        sessionToken === undefined ? directory.holderOf(accessKeyId) : sessions.holderOf(accessKeyId, sessionToken),
    }
    this.verifier = new SignatureVerifier(keys, account.region, clock)
    this.links = new DashboardLinks(() => directory.sessionKey, account, clock)
    this.audit = new AuditLog(settings.dataDirectory, parts)
    this.rates = new PrincipalRates(settings.requestsPerSecond ?? 10_000, clock)
    this.failures = new FailureDelays(clock)
  }

  /** Errors: those of the store, `ACCESS_KEY_INVALID`, `ACCESS_KEY_WRONG`. */
  static async open(settings: AccessSettings, parts: AccessParts): Promise<AccessControl> {
    const { dataDirectory, account, credentials } = settings
    const box = await openSecretBox(dataDirectory, settings.encryptionKey)
    const store = parts.store ?? (await SqlAccessStore.open(settings.storeUrl, dataDirectory))
    try {
      const gate = await MonitoringGate.open(dataDirectory)
      const directory = await AccessDirectory.open({
        ...parts,
        store,
        box,
        account,
        root: credentials,
        host: hostname(),
      })
      return new AccessControl(settings, parts, directory, gate)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  callBy(identity: Identity, origin: RequestOrigin): CallAccess {
    return new CallAccess(identity, origin, this.account, this.#clock)
  }

  async close(): Promise<void> {
    this.audit.close()
    await this.directory.close()
  }
}

/** The caller that a header or query claims to be, for the audit log of what failed. */
export function claimedKeyId(target: string, { authorization = '' }: IncomingHttpHeaders): string {
  const inHeader = /Credential=(\w{1,128})\//.exec(authorization)?.[1]
  return inHeader ?? /[?&]X-Amz-Credential=(\w{1,128})(?:%2F|\/)/i.exec(target)?.[1] ?? ''
}
