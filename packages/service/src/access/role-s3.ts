import type { FileSystem } from '@millrace/engine/spi'
import { awsSourceMissing } from './role-aws-source.ts'
import type { AwsCredentialsProvider, AwsRoleCredentials } from './role-credentials.ts'

/** Files in S3. */
export interface S3Files extends FileSystem {
  /** An object's bytes in an older version. */
  readVersion(path: string, versionId: string): Promise<Uint8Array>
}

/** Opens S3 for who has these credentials. */
export type OpenS3 = (credentials: AwsCredentialsProvider) => Promise<S3Files>

/** S3 as a role may use it: what a caller names is reached with its role's credentials, never with the service's own. */
export class RoleS3 {
  readonly #open: OpenS3
  readonly #credentials: AwsRoleCredentials

  constructor(open: OpenS3, credentials: AwsRoleCredentials) {
    this.#open = open
    this.#credentials = credentials
  }

  /** Errors: `InvalidArgumentException` when the role has no credentials for AWS. */
  assertReachable(roleArn: string): void {
    this.#providerOf(roleArn, 'millrace')
  }

  /** Errors: those of `assertReachable`, `ROLE_CREDENTIALS_FAILED`. */
  async open(roleArn: string, sessionName: string): Promise<S3Files> {
    const credentials = this.#providerOf(roleArn, sessionName)
    // At once: in the midst of a call S3's client would try again and again.
    await credentials()
    return this.#open(credentials)
  }

  #providerOf(roleArn: string, sessionName: string): AwsCredentialsProvider {
    const credentials = this.#credentials.of(roleArn, sessionName)
    if (credentials === undefined) throw awsSourceMissing(roleArn)
    return credentials
  }
}
