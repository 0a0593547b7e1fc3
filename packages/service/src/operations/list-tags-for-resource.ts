import { applicationOfArn, type Operation } from './operation.ts'

export const listTagsForResource: Operation<'ListTagsForResource'> = async (input, context) => {
  const { name } = await applicationOfArn(context, input.ResourceARN)
  const tags = await context.store.tags(name)
  return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }
}
