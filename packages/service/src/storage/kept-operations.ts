/** The newest operations of an application, or on a snapshot, are remembered; older ones while they are in progress. */
export const keptOperations = 1000

/** The same once it is deleted. */
export const keptOfDeleted = 100

/** Operations on snapshots that are gone: the newest of all. */
export const keptOfGoneSnapshots = 1000
