import { MAX_TAGS, type Operation, tagOwnerOfArn } from './operation.ts'

/** Keys that aren't there are fine. */
export const untagResource: Operation<'UntagResource'> = async (input, context) => {
  const owner = await tagOwnerOfArn(context, input.ResourceARN)
  const changed = await context.store.changeTags(owner, {}, input.TagKeys, MAX_TAGS)
  // Deleted meanwhile.
  if (!changed) await tagOwnerOfArn(context, input.ResourceARN)
  return {}
}
