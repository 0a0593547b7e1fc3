import type { ServiceConnection } from './service-connection.ts'

/** The ARN of a role of the service's account that is given by its name; an ARN is taken as it is. */
export async function roleArn({ access }: Pick<ServiceConnection, 'access'>, role: string): Promise<string> {
  if (role.startsWith('arn:')) return role
  const { Account } = await access('GetCallerIdentity', {})
  return `arn:aws:iam::${Account}:role/${role}`
}
