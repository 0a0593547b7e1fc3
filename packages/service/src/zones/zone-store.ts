/** A process that runs applications, as the others know it. */
export interface NodeRecord {
  /** Stays with the data directory. */
  readonly id: string
  /** Grows with every start of the node; given by the store. */
  readonly incarnation: number
  /** What fails together: a rack, a room, a data centre. */
  readonly zone: string
  /** Where the other nodes reach it. */
  readonly url: string
  /** KPUs it would like to have at most: what its load is measured by, no limit. */
  readonly capacity: number
}

export interface KnownNode extends NodeRecord {
  /** Since its last heartbeat, by the store's clock. */
  readonly silentMs: number
}

/** Who runs an application; `node` undefined: nobody since ownership number `epoch` ended. */
export interface Placement {
  readonly application: string
  readonly node: string | undefined
  /** Grows by one with every new owner, also when the node is the same. Never starts again, not even for a new application. */
  readonly epoch: number
}

/** An application that somebody must attend to: it is to run, or an operation of it is in progress. */
export interface Demand {
  readonly application: string
  readonly kpus: number
}

/** All that placing is decided on. */
export interface ZoneView {
  readonly nodes: readonly KnownNode[]
  readonly placements: readonly Placement[]
  readonly demand: readonly Demand[]
}

/** A placement that the leader has decided on. */
export interface Assignment {
  readonly application: string
  /** Undefined: nobody has to attend to it any more. */
  readonly node: string | undefined
  /** Of the placement it was decided on; 0: none. */
  readonly expectedEpoch: number
}

export type Heartbeat = 'renewed' | 'superseded' | 'unknown'

/**
 * What the nodes of a shared store know of each other. Time is the store's alone: no node's clock decides who is alive.
 * Each call is one transaction. Errors: `STORE_FAILED` (unavailable).
 */
export interface ZoneStore {
  /**
   * A node starts: its incarnation grows, and so does the epoch of each of its placements, which fences what an earlier
   * process of this node may still do.
   */
  register(node: Omit<NodeRecord, 'incarnation'>): Promise<NodeRecord>
  /** 'superseded': a later process has registered with this id. */
  heartbeat(id: string, incarnation: number): Promise<Heartbeat>
  /** The node is gone from now on, without waiting for its silence; a heartbeat under way can't bring it back. */
  leave(id: string, incarnation: number): Promise<void>

  /**
   * Takes the lease when it is free or has run out, which adds one to its epoch, or prolongs it for the one who has it.
   * Undefined: somebody else has it.
   */
  acquireLease(name: string, holder: string, lifeMs: number): Promise<{ readonly epoch: number } | undefined>
  releaseLease(name: string, holder: string): Promise<void>

  view(): Promise<ZoneView>
  /** Of one node. */
  placementsOf(node: string): Promise<readonly Placement[]>
  placement(application: string): Promise<Placement | undefined>
  node(id: string): Promise<KnownNode | undefined>
  /**
   * Puts a decision into effect and tells all nodes. False, and nothing happens, when the lease's epoch is another by now,
   * the placement is, its node was heard of less than `silenceLimitMs` ago (unless nobody has to attend to the
   * application), or `node` is undefined and somebody has to.
   */
  place(
    assignment: Assignment,
    fence: { readonly lease: string; readonly epoch: number },
    silenceLimitMs: number,
  ): Promise<boolean>
  close(): Promise<void>
}
