import { ApiError, invalidArgument } from '../wire/api-error.ts'
import { checkSnapshotName } from './existing-snapshot.ts'
import { MAX_TAGS, type Operation } from './operation.ts'
import { arnOfSnapshot } from './snapshot-description.ts'
import { tagsOf } from './tag-list.ts'

/** An enhanced snapshot of a running application, which goes on. */
export const createSnapshot: Operation<'CreateSnapshot'> = async (input, context) => {
  const { SnapshotName: name, SnapshotDescription: description, ApplicationName, Tags = [] } = input
  checkSnapshotName(name)
  const tags = snapshotTags(Tags)
  const application = await context.store.application(ApplicationName)
  // Its model has no other error for that.
  if (application === undefined) throw invalidArgument(`There is no application ${ApplicationName}.`)
  const asked = { name, kind: 'enhanced', description, tags } as const
  const { snapshot, operation } = await context.lifecycle.snapshots.create(application, asked)
  return {
    SnapshotArn: arnOfSnapshot(context, name),
    SnapshotStatus: snapshot.status,
    SnapshotOperationId: operation?.id ?? '',
    SnapshotOperationStatus: 'IN_PROGRESS',
  }
}

/** Errors: `TooManyTagsException`, those of `tagsOf`. */
export function snapshotTags(list: Parameters<typeof tagsOf>[0]): Readonly<Record<string, string>> {
  const tags = tagsOf(list)
  if (Object.keys(tags).length <= MAX_TAGS) return tags
  throw new ApiError('TooManyTagsException', `A snapshot has at most ${MAX_TAGS} tags.`)
}
