import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'
import { type Isolation, type IsolationSettings, isJobUserId, jobUserId } from '../launchers/index.ts'
import type { JobResources } from './job-resources.ts'
import type { ApplicationPlaces } from './places.ts'

const maxOpenFiles = 65_536
/** Node and its thread pools, with room for programs that an application starts; the workers come on top. */
const processesOfJob = 512
const processesOfThread = 32

/** What was found of this machine, and what its operator accepts. */
export interface IsolationChoice {
  readonly isolation: Isolation
  readonly allowUnisolated: boolean
  /** Folders of this machine that all applications may read and write; none unless given. */
  readonly folders?: readonly string[] | undefined
}

/** Errors: `ISOLATION_UNAVAILABLE` (invalid). */
export function assertIsolation({ isolation, allowUnisolated }: IsolationChoice): void {
  if (isolation.level === 'isolated' || allowUnisolated) return
  throw new EngineError('ISOLATION_UNAVAILABLE', {
    kind: 'invalid',
    message: `Applications can't be isolated on this machine: ${isolation.reason}.`,
    hint:
      'Allow user namespaces, or serve as root, and install util-linux (docs/reference/isolation.md); or, if all code ' +
      'that is deployed here is trusted like the service itself, start it with: millrace serve --allow-unisolated',
    details: { reason: isolation.reason },
  })
}

/**
 * What an application's job sees; undefined where it runs like any process of this machine. Errors: those of
 * `assertIsolation`.
 */
export function jobIsolation(
  choice: IsolationChoice,
  places: ApplicationPlaces,
  bundle: string,
  restoredFrom: string | undefined,
  { threads }: JobResources,
): IsolationSettings | undefined {
  assertIsolation(choice)
  const { isolation, folders = [] } = choice
  if (isolation.level === 'process') return undefined
  const { means } = isolation
  const { given, run, checkpoints, savepoints } = places
  const certificates = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].flatMap((name) => process.env[name] ?? [])
  return {
    means,
    readOnly: [bundle, given, ...certificates, ...(restoredFrom === undefined ? [] : [restoredFrom])],
    readWrite: [run, checkpoints, savepoints, ...folders],
    ...(means.user === 'own-user' ? { userId: userOf(places) } : {}),
    maxProcesses: processesOfJob + threads * processesOfThread,
    maxOpenFiles,
  }
}

/** Whose processes are all of the job's; undefined where those it has started are in its namespace, whatever they do. */
export function userOfProcesses(isolation: IsolationSettings | undefined): number | undefined {
  return isolation?.means.by === 'user' ? isolation.userId : undefined
}

/** The user that its scratch folder belongs to already, unless another application has come by the same. */
function userOf({ folder, run }: ApplicationPlaces): number {
  const all = dirname(folder)
  const names = existsSync(all) ? readdirSync(all).filter((name) => name !== basename(folder)) : []
  const taken = new Set(names.map((name) => ownerOf(join(all, name, basename(run)))))
  const own = ownerOf(run)
  const userId = isJobUserId(own) && !taken.has(own) ? own : jobUserId(folder, taken)
  if (userId !== undefined) return userId
  throw new EngineError('ISOLATION_UNAVAILABLE', {
    kind: 'invalid',
    message: `There is no user left for another application: ${taken.size} have one each.`,
    hint: 'Delete applications that are not needed any more, or run this one on another node.',
    details: { taken: taken.size },
  })
}

/** Root's where there is none. */
function ownerOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.uid ?? 0
}

/** A path of this machine; undefined for one of another file system. */
export function localPath(path: string | undefined): string | undefined {
  return path?.startsWith('/') === true && existsSync(path) ? path : undefined
}
