import { Command, CommanderError, Option } from 'commander'
import type { BuildSettings } from './application/build-command.ts'
import { EXIT } from './exit-codes.ts'
import type { RunOptions } from './run/run-options.ts'
import { addServiceCommands } from './service/service-commands.ts'
import { formatError, toStandardError } from './terminal.ts'
import { packageVersion } from './version.ts'
import { natural, positive } from './whole-numbers.ts'

/** Runs one command line (without node and the file) and answers with the exit code. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    toStandardError(formatError(error))
    return EXIT.failed
  }
}

/** Every command with its options; each loads what it needs only when it is chosen. */
export function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('millrace')
    .description('Stateful stream processing for TypeScript.')
    .version(packageVersion(), '-V, --version')
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .exitOverride()
    .showSuggestionAfterError()
  const command = (nameAndArguments: string, summary: string): Command =>
    program.command(nameAndArguments).description(summary)

  command('run', 'run an application in this process')
    .argument('<application>', 'app.ts, app.mjs or bundle.zip')
    .argument('[args...]', "after --: the application's own arguments (ctx.args)")
    .option('-p, --parallelism <n>', 'of every operator that does not say otherwise', positive, 1)
    .option('--threads <n>', 'worker threads; 0 runs in process (default: as many as cores and subtasks)', natural)
    .option('--thread-heap-mb <n>', "heap of each worker thread, MiB (default: Node's own)", positive)
    .option('--name <name>', "in place of the application's own")
    .option('--dir <dir>', "the application's directory (default: .millrace/apps/<name>)")
    .option('--checkpoints <uri>', 'folder of the checkpoints, local or s3:// (default: checkpoints in the directory)')
    .option('--checkpoint-interval <ms>', "in place of the application's own; 0: only savepoints", natural)
    .option('--checkpoint-min-pause <ms>', "between two checkpoints, in place of the application's own", natural)
    .option('--from <uri>', 'restore a savepoint or checkpoint; "latest": the newest checkpoint, if there is one')
    .option(
      '--latest-since <n>',
      'with --from latest: only checkpoints of this attempt (--epoch) or later ones',
      positive,
    )
    .option('--otherwise-from <uri>', 'with --from latest: what to restore when there is no such checkpoint')
    .option('--allow-non-restored-state', 'drop state of operators that the application no longer has', false)
    .option('--properties <file>', 'application_properties.json (default: the one beside the application)')
    .option('--epoch <n>', 'number of this attempt, for whoever starts attempts on several machines', positive)
    .option('--control <fd>', 'speak the control protocol on this file descriptor', natural)
    .option('--watch', 'run again when a file of the application changes', false)
    .addOption(new Option('--log-level <level>', 'least level that is shown').choices(LEVELS).default('info'))
    .addHelpText('after', RUN_HELP)
    .action(async (application: string, args: string[], values: RunValues) => {
      const { watch, ...options } = values
      const runOptions = { ...noOptions, ...options, application, args }
      if (watch) {
        const { watchCommand } = await import('./run/watch-command.ts')
        setExitCode(await watchCommand(runOptions))
      } else {
        const { runCommand } = await import('./run/run-command.ts')
        setExitCode(await runCommand(runOptions))
      }
    })

  command('build', 'bundle an application and everything it imports into one zip')
    .argument('<application>', 'app.ts or app.mjs')
    .option('-o, --output <file>', 'the bundle (default: <application>.zip)')
    .option('--json', 'answer with one JSON object', false)
    .action(async (application: string, settings: BuildSettings) => {
      const { buildCommand } = await import('./application/build-command.ts')
      await buildCommand(application, settings)
    })

  command('savepoint', 'take a savepoint of a running application, which goes on')
    .argument('<dir>', "the application's directory")
    .argument('[path]', 'folder of the savepoint (default: one in the directory)')
    .action(async (directory: string, path: string | undefined) => {
      const { savepointCommand } = await import('./remote/savepoint-command.ts')
      await savepointCommand(directory, path)
    })

  command('stop', 'stop a running application with a savepoint')
    .argument('<dir>', "the application's directory")
    .option(
      '--drain',
      'end event time first: all windows and timers fire; for an application that will not go on',
      false,
    )
    .option('--path <path>', 'folder of the savepoint (default: one in the directory)')
    .action(async (directory: string, { drain, path }: { drain: boolean; path?: string }) => {
      const { stopCommand } = await import('./remote/savepoint-command.ts')
      await stopCommand(directory, { drain, path })
    })

  command('serve', 'run a service: managed applications, Kinesis streams and SNS topics on one port')
    .addOption(new Option('--role <role>', 'streams: without applications (default: everything)').choices(['streams']))
    .option('--data <dir>', 'data directory (default: MILLRACE_HOME or .millrace)')
    .option('--store <url>', 'sqlite:FILE or, shared with other nodes, postgres://… (default: MILLRACE_STORE)')
    .option('--state <place>', 'folder or s3://… of checkpoints and savepoints; if a store is shared, of code as well')
    .option('--zone <name>', 'what fails together with this node (default: default)')
    .option('--node-url <url>', 'where other nodes reach this one (default: its own address)')
    .option('--streams-url <url>', 'where applications find Kinesis and SNS (default: here; at shared stores Amazon)')
    .option('--host <address>', 'address to listen at; others than this machine need TLS', '127.0.0.1')
    .option('--port <n>', 'port; 0: a free one', natural, 7700)
    .option('--tls-cert <file>', 'speak TLS with this certificate (PEM, with its chain)')
    .option('--tls-key <file>', 'its private key (PEM)')
    .option('--insecure', 'in cleartext also where others can listen: only behind something that encrypts')
    .option('--requests-per-second <n>', 'that each user may make (default: 10000)', positive)
    .option('--no-throttle', "without AWS's quotas a shard")
    .option('--push-metrics [url]', "push applications' metrics to CloudWatch (default: where the AWS SDK finds it)")
    .option('--folder <dir>', 'that isolated applications may read and write; may be given again', addFolder)
    .option('--allow-unisolated', 'run applications as plain processes of this user: trusted code only')
    .addOption(new Option('--log-level <level>', 'least level that is shown').choices(LEVELS).default('info'))
    .action(async (values) => {
      const { serveCommand } = await import('./serve/serve-command.ts')
      setExitCode(await serveCommand(values))
    })

  addServiceCommands(program, setExitCode)

  command('init', 'make a folder with a first application')
    .argument('[dir]', 'the folder', '.')
    .action(async (directory: string) => {
      const { initCommand } = await import('./init/init-command.ts')
      initCommand(directory)
    })

  return program
}

function addFolder(folder: string, before: readonly string[] = []): string[] {
  return [...before, folder]
}

type RunValues = Omit<RunOptions, 'application' | 'args'> & { readonly watch: boolean }

const noOptions = {
  dir: undefined,
  threads: undefined,
  threadHeapMb: undefined,
  checkpoints: undefined,
  checkpointInterval: undefined,
  checkpointMinPause: undefined,
  from: undefined,
  latestSince: undefined,
  otherwiseFrom: undefined,
  properties: undefined,
  epoch: undefined,
  name: undefined,
  control: undefined,
}

const LEVELS = ['debug', 'info', 'warn', 'error']

const RUN_HELP = `
Ctrl-C stops with a savepoint when the application takes checkpoints, and prints how to go on; once more cancels it.
Exit codes: 0 finished or stopped, 1 failed, 2 wrong command line or application, 3 fenced by a newer attempt,
4 the controlling process is gone, 130 cancelled by Ctrl-C, 143 by SIGTERM.`
