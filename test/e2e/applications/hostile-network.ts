import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis'
import pg from 'pg'

/** Who is asked, and what for; names and addresses that the code knows, as if somebody had told it. */
export interface NetworkTargets {
  /** A PostgreSQL server, with the name of a user and a database. */
  readonly database: { readonly port: number; readonly user: string; readonly database: string }
  /** Passwords that others use, or that lie about. */
  readonly passwords: readonly string[]
  /** Address of a metadata service. */
  readonly metadata: string
  /** Sockets whose name somebody may need. */
  readonly sockets: readonly string[]
}

/**
 * What code tries that reaches the network of the machine. Answers with what came of each attempt: an error's code or
 * name, or `GOT` and what it got.
 */
export async function reachOverNetwork(targets: NetworkTargets): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>()
  const attempt = async (name: string, act: () => unknown) => {
    try {
      outcomes.set(name, `GOT ${String(await act())}`)
    } catch (error) {
      const { code, name: kind, message } = error as NodeJS.ErrnoException
      outcomes.set(name, `${code ?? kind} ${message.split('\n')[0]}`)
    }
  }
  for (const password of [undefined, '', ...targets.passwords]) {
    await attempt(`database with ${password ?? 'nothing'}`, () => readStore(targets.database, password))
  }
  await attempt('names of sockets', () => abstractNames().join(' '))
  for (const path of targets.sockets) await attempt(`socket ${path}`, () => taken(path))
  await attempt('metadata by default', () => credentialsOfMachine(targets.metadata))
  return outcomes
}

async function readStore({ port, user, database }: NetworkTargets['database'], password: string | undefined) {
  const settings = { host: '127.0.0.1', port, user, database, ssl: false, connectionTimeoutMillis: 5_000 }
  const client = new pg.Client({ ...settings, ...(password === undefined ? {} : { password }) })
  client.on('error', () => {})
  await client.connect()
  try {
    return JSON.stringify((await client.query('SELECT current_user')).rows)
  } finally {
    await client.end()
  }
}

/** Sockets of the machine that have no file: their names are shown to everybody who shares its network. */
function abstractNames(): string[] {
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.split(' ').at(-1) ?? '')
    .filter((name) => name.startsWith('@') && name.includes('millrace'))
}

function taken(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(path, () => resolve('taken'))
  })
}

/** As the AWS SDK finds credentials where it was given none. */
async function credentialsOfMachine(address: string): Promise<string> {
  for (const name of Object.keys(process.env)) {
    if (/^AWS_(SHARED|CONFIG|ACCESS|SECRET|SESSION|PROFILE|ENDPOINT)/.test(name)) delete process.env[name]
  }
  process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = address
  const client = new KinesisClient({ region: 'us-east-1', endpoint: 'http://127.0.0.1:1', maxAttempts: 1 })
  try {
    return JSON.stringify(await client.send(new ListStreamsCommand({})))
  } finally {
    client.destroy()
  }
}
