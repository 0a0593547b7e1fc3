import { invalidArgument } from '../wire/api-error.ts'

/** A token of a list that goes by numbers, newest first. Errors: `InvalidArgumentException` for one that isn't ours. */
export function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || /^\d{1,15}$/.test(token)) return token
  throw invalidArgument('NextToken is not one that this operation gave.')
}
