import { ApiError } from '../wire/api-error.ts'
import { applicationOfArn, existingApplication, MAX_TAGS, type Operation } from './operation.ts'
import { tagsOf } from './tag-list.ts'

export const tagResource: Operation<'TagResource'> = async (input, context) => {
  const { name } = await applicationOfArn(context, input.ResourceARN)
  if (await context.store.changeTags(name, tagsOf(input.Tags), [], MAX_TAGS)) return {}
  await existingApplication(context, name)
  throw new ApiError('TooManyTagsException', `An application has at most ${MAX_TAGS} tags.`)
}
