import type { ApplicationStore } from '../storage/application-store.ts'
import type { Owner } from '../storage/owner.ts'

/**
 * The store as one ownership of an application sees it: it changes or deletes the application, and stores snapshots of it, as
 * long as `owner` owns it, and then fails with `OWNERSHIP_LOST` (fenced). Without an owner, on a single node, it is the store itself.
 */
export function fencedStore(store: ApplicationStore, owner: Owner | undefined): ApplicationStore {
  if (owner === undefined) return store
  const change: ApplicationStore['change'] = (name, expected, ...rest) =>
    store.change(name, { ...expected, owner }, ...rest)
  const deleteApplication: ApplicationStore['deleteApplication'] = (name, operation) => {
    return store.deleteApplication(name, operation, owner)
  }
  const putSnapshot: ApplicationStore['putSnapshot'] = (expected, snapshot, operations, tags) =>
    store.putSnapshot(expected, snapshot, operations, tags, owner)
  const fenced: Partial<ApplicationStore> = { change, deleteApplication, putSnapshot }
  return new Proxy(store, {
    get: (target, name: keyof ApplicationStore) => fenced[name] ?? target[name].bind(target),
  })
}
