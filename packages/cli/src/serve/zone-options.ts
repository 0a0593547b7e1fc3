import { resolve } from 'node:path'
import { EngineError } from '@millrace/engine/spi'

/** What `millrace serve` was told of its store and zones; as it was typed. */
export interface ZoneOptions {
  readonly role?: 'streams' | undefined
  readonly store?: string | undefined
  readonly state?: string | undefined
  readonly zone?: string | undefined
  readonly nodeUrl?: string | undefined
  readonly streamsUrl?: string | undefined
}

/** Where a node keeps what; `isShared`: other nodes use the same store. */
export interface ZonePlan {
  readonly storeUrl: string | undefined
  readonly isShared: boolean
  readonly stateRoot: string | undefined
  readonly zone: string
  readonly nodeUrl: string | undefined
  /** Whether the node offers its own streams and topics. */
  readonly ownStreams: boolean
  /** Where jobs find Kinesis and SNS; undefined: the node's own, or Amazon's when it offers none. */
  readonly streamsUrl: string | undefined
}

/**
 * Reads the options that belong together; the store also comes from MILLRACE_STORE, where no other user sees it.
 * Errors (invalid): `STORE_PASSWORD_VISIBLE`, `STATE_MISSING`, `ACCESS_KEY_MISSING`, `OPTION_UNFIT`.
 */
export function planZones(options: ZoneOptions, environment: NodeJS.ProcessEnv): ZonePlan {
  const { role, store, state, zone = 'default', nodeUrl, streamsUrl } = options
  if (store !== undefined && hasPassword(store)) throw passwordVisible()
  const storeUrl = store ?? environment['MILLRACE_STORE']
  const isShared = storeUrl !== undefined && /^postgres(ql)?:/.test(storeUrl)
  if (role === 'streams') {
    if (state !== undefined || streamsUrl !== undefined || nodeUrl !== undefined) {
      throw unfit('--state, --node-url and --streams-url are for nodes with applications, not for --role streams.')
    }
    if (storeUrl !== undefined && !isShared) {
      throw unfit('--role streams has a --store only to know what other nodes run: postgres://…')
    }
    if (isShared) assertAccessKey(environment)
    return { storeUrl, isShared, stateRoot: undefined, zone, nodeUrl, ownStreams: true, streamsUrl }
  }
  if (isShared && state === undefined) throw stateMissing()
  if (isShared) assertAccessKey(environment)
  for (const [name, url] of [['--node-url', nodeUrl] as const, ['--streams-url', streamsUrl] as const]) {
    if (url !== undefined && !/^https?:\/\/[^/]/.test(url)) throw unfit(`${name} must be an http:// or https:// URL.`)
  }
  const stateRoot = state === undefined ? undefined : stateRootOf(state)
  return { storeUrl, isShared, stateRoot, zone, nodeUrl, ownStreams: !isShared, streamsUrl }
}

function stateRootOf(state: string): string {
  if (/^s3:\/\/[^/]/.test(state)) return state
  if (/^\w+:/.test(state)) throw unfit('--state must be a folder or s3://BUCKET/PREFIX.')
  // Jobs run in other folders.
  return resolve(state)
}

function hasPassword(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { password, searchParams } = new URL(url)
  return password !== '' || searchParams.has('password')
}

function passwordVisible(): EngineError {
  return new EngineError('STORE_PASSWORD_VISIBLE', {
    kind: 'invalid',
    message: '--store carries a password, which every user of this machine sees in the list of processes.',
    hint: 'Set MILLRACE_STORE to the whole URL, or PGPASSWORD, or use a passfile (~/.pgpass, mode 0600).',
  })
}

function stateMissing(): EngineError {
  return new EngineError('STATE_MISSING', {
    kind: 'invalid',
    message: "Nodes that share a store must share the applications' code, checkpoints and savepoints, too.",
    hint: 'Give --state, a folder that all of them mount or s3://BUCKET/PREFIX; the same for each.',
  })
}

function assertAccessKey(environment: NodeJS.ProcessEnv): void {
  if (environment['MILLRACE_ACCESS_KEY'] !== undefined) return
  throw new EngineError('ACCESS_KEY_MISSING', {
    kind: 'invalid',
    message: 'All processes that share a store must have the same key for what is encrypted in it.',
    hint: 'Make one with: openssl rand -hex 32, and set MILLRACE_ACCESS_KEY to it for each of them.',
  })
}

function unfit(message: string): EngineError {
  return new EngineError('OPTION_UNFIT', { kind: 'invalid', message, hint: 'See millrace serve --help.' })
}
