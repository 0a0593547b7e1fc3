import { ApiError } from '../wire/api-error.ts'
import { MAX_TAGS, type Operation, tagOwnerOfArn } from './operation.ts'
import { tagsOf } from './tag-list.ts'

export const tagResource: Operation<'TagResource'> = async (input, context) => {
  const owner = await tagOwnerOfArn(context, input.ResourceARN)
  if (await context.store.changeTags(owner, tagsOf(input.Tags), [], MAX_TAGS)) return {}
  await tagOwnerOfArn(context, input.ResourceARN)
  throw new ApiError('TooManyTagsException', `A resource has at most ${MAX_TAGS} tags.`)
}
