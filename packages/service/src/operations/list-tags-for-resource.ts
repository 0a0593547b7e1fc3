import { type Operation, tagOwnerOfArn } from './operation.ts'

export const listTagsForResource: Operation<'ListTagsForResource'> = async (input, context) => {
  const owner = await tagOwnerOfArn(context, input.ResourceARN)
  const tags = await context.store.tags(owner)
  return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }
}
