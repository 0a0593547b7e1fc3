/** The programs of util-linux that build a job's view of the machine, as absolute paths. */
export interface NamespaceTools {
  readonly sh: string
  readonly unshare: string
  readonly setpriv: string
  readonly mount: string
  readonly umount: string
  readonly pivot_root: string
  readonly prlimit: string
}

/** Those that make a process another user's. */
export type OwnUserTools = Pick<NamespaceTools, 'sh' | 'setpriv' | 'prlimit'> & { readonly setsid: string }

/**
 * Namespaces, in which a job sees nothing but what it is shown.
 *
 * `own-user`: this process is root; the job is an unprivileged user of its own in namespaces of its own.
 * `same-user`: this process isn't root, or is root of a container; a user namespace lets it build the others, in which
 * the job is the same user without any rights.
 */
export interface NamespaceMeans {
  readonly by: 'namespaces'
  readonly user: 'own-user' | 'same-user'
  /** Whether the job can be kept from opening user namespaces of its own: it has one in which none may be made. */
  readonly userNamespace: boolean
  readonly tools: NamespaceTools
}

/** Where this process is root but may not make namespaces: the owners and modes of files keep jobs apart. */
export interface OwnUserMeans {
  readonly by: 'user'
  readonly user: 'own-user'
  readonly tools: OwnUserTools
}

/** How this machine separates a job; plain data. */
export type IsolationMeans = NamespaceMeans | OwnUserMeans

/** What a job sees of this machine besides the system's libraries, Node and the command, and what it may use up. */
export interface IsolationSettings {
  readonly means: IsolationMeans
  /** Files and folders that it sees at their own paths; what isn't there is left out. */
  readonly readOnly: readonly string[]
  readonly readWrite: readonly string[]
  /** With `own-user`: the numeric user and group the job runs as, to whom what it may write belongs. */
  readonly userId?: number
  /** Processes and threads it may have. */
  readonly maxProcesses: number
  readonly maxOpenFiles: number
}
