import { type Command, Option } from 'commander'
import { natural, positive } from '../whole-numbers.ts'
import { addAccess } from './access-commands.ts'
import type { StartOptions, StopOptions } from './apps-command.ts'
import type { DeployOptions } from './deploy-command.ts'
import type { UpdateOptions } from './history-command.ts'
import type { LogsOptions } from './logs-command.ts'
import type { MetricsOptions } from './metrics-command.ts'
import type { ServiceOptions } from './service-connection.ts'
import type { TransferOptions } from './snapshot-transfer-command.ts'

type Forceable = ServiceOptions & { readonly force: boolean }

/** Adds the commands that speak with a running service: deploy, apps, snapshots, logs, metrics, access. */
export function addServiceCommands(program: Command, setExitCode: (code: number) => void): void {
  addDeploy(program, setExitCode)
  addApps(program, setExitCode)
  addSnapshots(program, setExitCode)
  addLogs(program, setExitCode)
  addMetrics(program, setExitCode)
  addAccess(program.command('access').addHelpText('after', SERVICE_HELP), reaching, setExitCode)
}

function addDeploy(program: Command, setExitCode: (code: number) => void): void {
  reaching(program.command('deploy'))
    .description('bundle an application, create or update it at a service, and start it')
    .argument('<application>', 'app.ts, app.mjs or bundle.zip')
    .requiredOption('-n, --name <name>', "the application's name at the service")
    .option('-p, --parallelism <n>', 'of the application (at first 1)', positive)
    .option('--properties <file>', 'application_properties.json (default: the one beside the application)')
    .option('--checkpoint-interval <ms>', 'at least 1000 (at first 60000)', positive)
    .option('--allow-non-restored-state', 'drop state of operators that the application no longer has', false)
    .addOption(autoScaling())
    .addOption(autoRollback())
    .option('--no-start', 'leave an application that does not run stopped')
    .option('--runtime <name>', 'RuntimeEnvironment of a new application', 'FLINK-1_20')
    .option('--role <role>', 'service execution role of a new one: a name, or an ARN', 'millrace-application')
    .addHelpText('after', SERVICE_HELP)
    .action(async (application: string, options: DeployOptions) => {
      const { deployCommand } = await import('./deploy-command.ts')
      setExitCode(await deployCommand(application, options))
    })
}

function addApps(program: Command, setExitCode: (code: number) => void): void {
  const load = () => import('./apps-command.ts')
  const apps = program
    .command('apps')
    .description('list, show, start, stop, change and delete the applications of a service')
  reaching(apps.command('list', { isDefault: true }))
    .description('list them')
    .addHelpText('after', SERVICE_HELP)
    .action(async (options: ServiceOptions) => setExitCode(await (await load()).listCommand(options)))
  const one = (name: string, summary: string): Command =>
    reaching(apps.command(name)).description(summary).argument('<name>', "the application's name")
  one('describe', 'show one').action(async (name: string, options: ServiceOptions) =>
    setExitCode(await (await load()).describeCommand(name, options)),
  )
  one('start', 'start one from its latest state and wait until it runs')
    .addOption(new Option('--skip-restore', 'begin without state').default(false).conflicts('snapshot'))
    .option('--snapshot <name>', 'from this snapshot')
    .option('--allow-non-restored-state', 'drop state of operators that the application no longer has', false)
    .action(async (name: string, options: StartOptions) =>
      setExitCode(await (await load()).startCommand(name, options)),
    )
  one('stop', 'stop one with a snapshot, from which the next start goes on')
    .addOption(new Option('--force', 'at once, without a snapshot').default(false).conflicts('drain'))
    .option('--drain', 'end event time first: every window and timer fires', false)
    .action(async (name: string, options: StopOptions) => setExitCode(await (await load()).stopCommand(name, options)))
  one('update', 'change how one runs, with the code it has, and wait until it does')
    .option('-p, --parallelism <n>', 'of the application', positive)
    .option('--properties <file>', 'application_properties.json: they replace those before')
    .option('--checkpoint-interval <ms>', 'at least 1000', positive)
    .addOption(autoScaling())
    .addOption(autoRollback())
    .option('--allow-non-restored-state', 'drop state of operators that the application no longer has', false)
    .action(async (name: string, options: UpdateOptions) =>
      setExitCode(await (await import('./history-command.ts')).updateCommand(name, options)),
    )
  one('rollback', 'bring the version before back, with the newest state').action(
    async (name: string, options: ServiceOptions) =>
      setExitCode(await (await import('./history-command.ts')).rollbackCommand(name, options)),
  )
  one('versions', 'list the versions of one').action(async (name: string, options: ServiceOptions) =>
    setExitCode(await (await import('./history-command.ts')).versionsCommand(name, options)),
  )
  one('operations', 'list what was done with one').action(async (name: string, options: ServiceOptions) =>
    setExitCode(await (await import('./history-command.ts')).operationsCommand(name, options)),
  )
  one('delete', 'delete one with its state')
    .option('--force', 'also when it runs', false)
    .action(async (name: string, options: Forceable) => setExitCode(await (await load()).deleteCommand(name, options)))
}

function addSnapshots(program: Command, setExitCode: (code: number) => void): void {
  const load = () => import('./snapshots-command.ts')
  const transfer = () => import('./snapshot-transfer-command.ts')
  const snapshots = program.command('snapshots').description('list, take, delete and carry snapshots')
  const add = (name: string, summary: string, isDefault = false): Command =>
    reaching(snapshots.command(name, { isDefault })).description(summary)
  add('list', "list an application's, or all enhanced ones, the newest first", true)
    .argument('[name]', "the application's name")
    .addHelpText('after', SERVICE_HELP)
    .action(async (name: string | undefined, options: ServiceOptions) =>
      setExitCode(await (await load()).listSnapshotsCommand(name, options)),
    )
  add('create', 'take one of an application that runs, which goes on')
    .argument('<name>', "the application's name")
    .argument('[snapshot]', "the snapshot's name (default: the time)")
    .action(async (name: string, snapshot: string | undefined, options: ServiceOptions) =>
      setExitCode(await (await load()).createSnapshotCommand(name, snapshot, options)),
    )
  const of = (command: Command): Command =>
    command
      .argument('<name>', "the application's name, or that of an enhanced snapshot alone")
      .argument('[snapshot]', "the application's snapshot")
  of(add('describe', 'show one')).action(async (name: string, snapshot: string | undefined, options: ServiceOptions) =>
    setExitCode(await (await load()).describeSnapshotCommand(name, snapshot, options)),
  )
  of(add('delete', 'delete one')).action(async (name: string, snapshot: string | undefined, options: ServiceOptions) =>
    setExitCode(await (await load()).deleteSnapshotCommand(name, snapshot, options)),
  )
  add('operations', 'list what was done with an enhanced one')
    .argument('<snapshot>', "the snapshot's name")
    .action(async (snapshot: string, options: ServiceOptions) =>
      setExitCode(await (await transfer()).snapshotOperationsCommand(snapshot, options)),
    )
  const carrying = (command: Command): Command =>
    command
      .argument('<snapshot>', "the snapshot's name")
      .argument('<location>', 's3://bucket/prefix')
      .requiredOption('--role <role>', 'in whose name the service reaches the bucket: a name, or an ARN')
  carrying(add('import', 'make an enhanced one of a savepoint in a bucket')).action(
    async (snapshot: string, from: string, options: TransferOptions) =>
      setExitCode(await (await transfer()).importSnapshotCommand(snapshot, from, options)),
  )
  carrying(add('export', 'copy an enhanced one into a bucket')).action(
    async (snapshot: string, to: string, options: TransferOptions) =>
      setExitCode(await (await transfer()).exportSnapshotCommand(snapshot, to, options)),
  )
}

function addLogs(program: Command, setExitCode: (code: number) => void): void {
  reaching(program.command('logs'))
    .description("show an application's log, also when it doesn't run")
    .argument('<name>', "the application's name")
    .option('-f, --follow', 'go on with what is logged from now on', false)
    .option('--tail <n>', 'lines to begin with, the newest that fit, at most 10000', natural, 100)
    .option('--level <level>', 'only this level and more severe ones: debug, info, warn, error')
    .option('--since <time>', 'only from then on: 2026-01-31T12:00:00Z, or an age: 90s, 10m, 2h, 1d')
    .option('--until <time>', 'only before then')
    .option('--search <text>', 'only lines in which the text occurs, as it is')
    .option('--field <name:value...>', 'only lines whose field has the value, as logger:window')
    .addHelpText('after', SERVICE_HELP)
    .action(async (name: string, options: LogsOptions) => {
      const { logsCommand } = await import('./logs-command.ts')
      setExitCode(await logsCommand(name, options))
    })
}

function addMetrics(program: Command, setExitCode: (code: number) => void): void {
  reaching(program.command('metrics'))
    .description("show a running application's newest figures")
    .argument('<name>', "the application's name")
    .addOption(new Option('--level <level>', 'only these (default: all that are kept)').choices(METRICS_LEVELS))
    .option('-w, --watch', 'again every ten seconds, until Ctrl-C', false)
    .addHelpText('after', SERVICE_HELP)
    .action(async (name: string, options: MetricsOptions) => {
      const { metricsCommand } = await import('./metrics-command.ts')
      setExitCode(await metricsCommand(name, options))
    })
}

function autoScaling(): Option {
  return new Option('--auto-scaling <on|off>', 'whether the service may change the parallelism while it runs').choices([
    'on',
    'off',
  ])
}

function autoRollback(): Option {
  return new Option('--auto-rollback <on|off>', 'whether a failed update goes back to the version before').choices([
    'on',
    'off',
  ])
}

const METRICS_LEVELS = ['APPLICATION', 'TASK', 'OPERATOR', 'PARALLELISM']

/** Options of every command that speaks with a service. */
function reaching(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'the service (default: MILLRACE_URL, or http://127.0.0.1:7700)'))
    .option('--json', 'answer with one JSON object', false)
}

const SERVICE_HELP = `
The access key is the one in MILLRACE_HOME/credentials (.millrace/credentials), or what the AWS SDK finds.`
