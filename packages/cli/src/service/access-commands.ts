import type { Command } from 'commander'
import { natural } from '../whole-numbers.ts'
import type { NewOwnerOptions, OwnerOptions } from './access-command.ts'
import type { AwsSourceOptions } from './aws-source.ts'
import type { ServiceOptions } from './service-connection.ts'

type Reaching = (command: Command) => Command
type SetExitCode = (code: number) => void

const load = () => import('./access-command.ts')

/** Adds users, keys, roles, policies and audit below `access`. `reaching` adds the options of commands that need a service. */
export function addAccess(access: Command, reaching: Reaching, setExitCode: SetExitCode): void {
  access.description('who may do what at a service: users, keys, roles, policies, and the log of what they did')
  addUsers(access.command('users').description('who may sign requests'), reaching, setExitCode)
  addKeys(access.command('keys').description('access keys of users and administrators'), reaching, setExitCode)
  addRoles(access.command('roles').description('what applications may do while they run'), reaching, setExitCode)
  addPolicies(access.command('policies').description('what users and roles may do'), reaching, setExitCode)
  reaching(access.command('audit'))
    .description('the latest calls: who, what, from where, and how it ended')
    .option('--tail <n>', 'so many, at most 10000', natural, 100)
    .action(async (options: ServiceOptions & { readonly tail: number }) =>
      setExitCode(await (await load()).auditCommand(options)),
    )
}

function addUsers(users: Command, reaching: Reaching, setExitCode: SetExitCode): void {
  reaching(users.command('list', { isDefault: true }))
    .description('list them')
    .action(async (options: ServiceOptions) => setExitCode(await (await load()).listUsersCommand(options)))
  reaching(users.command('create'))
    .description('make one, who may do nothing yet')
    .argument('<name>')
    .option('--tag <key=value...>', 'for policies: aws:PrincipalTag/KEY')
    .action(async (name: string, options: ServiceOptions & { readonly tag?: string[] }) =>
      setExitCode(await (await load()).createOwnerCommand('User', name, options)),
    )
  reaching(users.command('delete'))
    .description('remove one with all keys')
    .argument('<name>')
    .action(async (name: string, options: ServiceOptions) =>
      setExitCode(await (await load()).deleteOwnerCommand('User', name, options)),
    )
}

function addKeys(keys: Command, reaching: Reaching, setExitCode: SetExitCode): void {
  reaching(keys.command('list', { isDefault: true }))
    .description("list a user's, or the administrators'")
    .argument('[user]')
    .action(async (user: string | undefined, options: ServiceOptions) =>
      setExitCode(await (await load()).listKeysCommand(user, options)),
    )
  reaching(keys.command('create'))
    .description('make one for a user; its secret is shown this once')
    .argument('<user>')
    .action(async (user: string, options: ServiceOptions) =>
      setExitCode(await (await load()).createKeyCommand(user, options)),
    )
  for (const [name, summary] of [
    ['disable', 'turn its holder away until it is enabled again'],
    ['enable', 'let its holder in again'],
    ['delete', 'remove it for good'],
  ] as const) {
    reaching(keys.command(name))
      .description(summary)
      .argument('<key-id>')
      .action(async (id: string, options: ServiceOptions) =>
        setExitCode(await (await load()).changeKeyCommand(name, id, options)),
      )
  }
}

function addRoles(roles: Command, reaching: Reaching, setExitCode: SetExitCode): void {
  reaching(roles.command('list', { isDefault: true }))
    .description('list them')
    .action(async (options: ServiceOptions) => setExitCode(await (await load()).listRolesCommand(options)))
  const sourced = (command: Command) =>
    reaching(command)
      .option('--aws-profile <name>', "the profile at the service's machine that takes on the role at AWS")
      .option('--external-id <id>', 'what the trust policy of the role at AWS asks for')
  sourced(roles.command('create'))
    .description('make one for applications, which may do nothing yet')
    .argument('<name>')
    .option('--description <text>', 'what it is for')
    .option('--tag <key=value...>', 'for policies: aws:PrincipalTag/KEY')
    .option('--aws <source>', 'credentials for AWS: node, profile:NAME or the ARN of a role there')
    .action(async (name: string, options: ServiceOptions & NewOwnerOptions) =>
      setExitCode(await (await load()).createOwnerCommand('Role', name, options)),
    )
  sourced(roles.command('aws'))
    .description('say where the credentials for AWS of a role come from')
    .argument('<name>')
    .argument('<source>', "node: those of the service's machine; profile:NAME there; the ARN of a role at AWS; none")
    .action(async (name: string, source: string, options: ServiceOptions & AwsSourceOptions) =>
      setExitCode(await (await load()).roleAwsCommand(name, source, options)),
    )
  reaching(roles.command('delete'))
    .description('remove one; applications that run with it are turned away at once')
    .argument('<name>')
    .action(async (name: string, options: ServiceOptions) =>
      setExitCode(await (await load()).deleteOwnerCommand('Role', name, options)),
    )
}

function addPolicies(policies: Command, reaching: Reaching, setExitCode: SetExitCode): void {
  const owned = (command: Command) =>
    reaching(command).option('--user <name>', 'of this user').option('--role <name>', 'of this role')
  owned(policies.command('list', { isDefault: true }))
    .description('show those of a user or role')
    .action(async (options: OwnerOptions) => setExitCode(await (await load()).listPoliciesCommand(options)))
  owned(policies.command('put'))
    .description('give a user or role a policy, in place of the one of that name')
    .argument('<name>')
    .argument('<file>', 'a policy in IAM JSON; -: standard input')
    .action(async (name: string, file: string, options: OwnerOptions) =>
      setExitCode(await (await load()).putPolicyCommand(name, file, options)),
    )
  owned(policies.command('delete'))
    .description('take a policy away')
    .argument('<name>')
    .action(async (name: string, options: OwnerOptions) =>
      setExitCode(await (await load()).deletePolicyCommand(name, options)),
    )
}
