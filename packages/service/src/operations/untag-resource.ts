import { applicationOfArn, existingApplication, MAX_TAGS, type Operation } from './operation.ts'

/** Keys that aren't there are fine. */
export const untagResource: Operation<'UntagResource'> = async (input, context) => {
  const { name } = await applicationOfArn(context, input.ResourceARN)
  const changed = await context.store.changeTags(name, {}, input.TagKeys, MAX_TAGS)
  // Deleted meanwhile.
  if (!changed) await existingApplication(context, name)
  return {}
}
