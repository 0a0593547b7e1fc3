import { EngineError } from '@millrace/engine'
import { allPages } from './all-pages.ts'
import type { ServiceConnection } from './service-connection.ts'

/** A snapshot as the service tells of it; some of it is of one kind only. Times are epoch seconds. */
export interface Snapshot {
  readonly SnapshotName: string
  readonly SnapshotStatus: string
  readonly SnapshotCreationTimestamp: number
  /** Of the application, when it was taken. */
  readonly ApplicationVersionId?: number
  readonly SourceApplicationName?: string
  /** In place of both where an enhanced one is described; an imported one has none. */
  readonly SnapshotSourceDescription?: {
    readonly SourceApplicationDescription?: {
      readonly ApplicationName: string
      readonly ApplicationVersionId: number
    }
  }
  readonly SnapshotArn?: string
}

/** The operations of both kinds, and the member of the answer that holds what was asked for. */
const kinds = {
  /** An application's own. */
  legacy: {
    list: ['ListApplicationSnapshots', 'SnapshotSummaries'],
    describe: ['DescribeApplicationSnapshot', 'SnapshotDetails'],
    create: 'CreateApplicationSnapshot',
    delete: 'DeleteApplicationSnapshot',
  },
  /** Resources of their own, with names of their own. */
  enhanced: {
    list: ['ListSnapshots', 'SnapshotInfoList'],
    describe: ['DescribeSnapshot', 'SnapshotInfoDetails'],
    create: 'CreateSnapshot',
    delete: 'DeleteSnapshot',
  },
} as const

/** Snapshots of one kind at a service: those of an application, or all enhanced ones. */
export class SnapshotKind {
  readonly kind: keyof typeof kinds
  readonly #call: ServiceConnection['call']
  readonly #application: string | undefined

  /** `application`: needed for legacy ones. */
  constructor(kind: keyof typeof kinds, { call }: Pick<ServiceConnection, 'call'>, application?: string) {
    this.kind = kind
    this.#call = call
    this.#application = application
  }

  /** Of the kind that the application takes. Errors: `ResourceNotFoundException`. */
  static async of(connection: Pick<ServiceConnection, 'call'>, application: string): Promise<SnapshotKind> {
    const { ApplicationDetail } = (await connection.call('DescribeApplication', { ApplicationName: application })) as {
      readonly ApplicationDetail: {
        readonly ApplicationConfigurationDescription?: {
          readonly ApplicationSnapshotConfigurationDescription?: { readonly SnapshotMode?: string }
        }
      }
    }
    const { ApplicationConfigurationDescription: configuration } = ApplicationDetail
    const mode = configuration?.ApplicationSnapshotConfigurationDescription?.SnapshotMode
    return new SnapshotKind(mode === 'ENHANCED_SNAPSHOTS' ? 'enhanced' : 'legacy', connection, application)
  }

  /** Newest first. */
  async list(): Promise<readonly Snapshot[]> {
    const [operation, member] = kinds[this.kind].list
    const filter = { [this.kind === 'legacy' ? 'ApplicationName' : 'SourceApplicationName']: this.#application }
    return allPages(
      (NextToken) => this.#call(operation, { ...filter, NextToken }),
      (page) => page[member] as readonly Snapshot[],
    )
  }

  /** Errors: `ResourceNotFoundException`. */
  async describe(name: string): Promise<Snapshot> {
    const [operation, member] = kinds[this.kind].describe
    return (await this.#call(operation, this.#key(name)))[member] as Snapshot
  }

  /** Undefined when there is none. */
  async find(name: string): Promise<Snapshot | undefined> {
    try {
      return await this.describe(name)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'ResourceNotFoundException') return undefined
      throw error
    }
  }

  /** Of the application, which goes on. */
  async create(name: string): Promise<void> {
    await this.#call(kinds[this.kind].create, { ApplicationName: this.#application, SnapshotName: name })
  }

  async delete({ SnapshotName, SnapshotCreationTimestamp }: Snapshot): Promise<void> {
    await this.#call(kinds[this.kind].delete, { ...this.#key(SnapshotName), SnapshotCreationTimestamp })
  }

  /** What a start says that shall begin with it. Errors: `ResourceNotFoundException` for an enhanced one. */
  async restoration(SnapshotName: string): Promise<object> {
    const key =
      this.kind === 'legacy' ? { SnapshotName } : { SnapshotArn: (await this.describe(SnapshotName)).SnapshotArn }
    return { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', ...key }
  }

  #key(SnapshotName: string): object {
    return this.kind === 'legacy' ? { ApplicationName: this.#application, SnapshotName } : { SnapshotName }
  }
}
