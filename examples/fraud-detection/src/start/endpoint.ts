import { createServer } from 'node:net'
import { type LineChild, spawnLines } from './child-lines.ts'

/** Ends the child when its standard input does: also when this process was killed. */
const DIE_WITH_PARENT = "data:text/javascript,process.stdin.resume().on('end',()=>process.kill(process.pid,'SIGTERM'))"

/** Our own endpoint as a process of its own, started again on the same port when it dies. */
export class EndpointProcess {
  readonly port: number
  readonly url: string
  readonly #args: readonly string[]
  readonly #onRestart: () => void
  #child: LineChild | undefined
  #closing = false

  private constructor(port: number, args: readonly string[], onRestart: () => void) {
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.#args = args
    this.#onRestart = onRestart
  }

  static async start(settings: {
    readonly commandFile: string
    readonly dir: string
    readonly port: number | undefined
    readonly throttling: boolean
    /** Streams and topics alone, without managed applications. */
    readonly streamsOnly: boolean
    readonly onRestart: () => void
  }): Promise<EndpointProcess> {
    const port = settings.port === undefined ? await firstFreePort(7700) : settings.port || (await firstFreePort(0))
    const { commandFile, dir, throttling, streamsOnly } = settings
    const args = [
      ...['--import', DIE_WITH_PARENT, commandFile, 'serve', '--data', dir, '--port', String(port)],
      ...(streamsOnly ? ['--role', 'streams'] : []),
      ...(throttling ? [] : ['--no-throttle']),
      // The node and the code that it runs are of the same user, and the code's output is a folder of this machine.
      ...(streamsOnly ? [] : ['--allow-unisolated']),
    ]
    const endpoint = new EndpointProcess(port, args, settings.onRestart)
    await endpoint.#spawn()
    return endpoint
  }

  #spawn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawnLines(this.#args, {
        env: process.env,
        // A terminal's Ctrl-C is not for it: it is needed until everything is stopped.
        detached: true,
        onLine: (line) => {
          if (line.startsWith('millrace ready')) resolve()
        },
      })
      this.#child = child
      void child.exited.then(({ code, signal }) => {
        reject(new Error(`the endpoint ended (${signal ?? `exit code ${code}`}): ${child.stderr().trim()}`))
        if (this.#closing || signal === null) return
        this.#onRestart()
        this.#spawn().catch((error: Error) => process.stderr.write(`${error.message}\n`))
      })
    })
  }

  /** A crash; it comes back by itself. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#child?.kill('SIGTERM')
    await this.#child?.exited
  }
}

async function firstFreePort(from: number): Promise<number> {
  for (let port = from; port < from + 100; port++) {
    const free = await new Promise<number | undefined>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(undefined))
      server.listen(port, '127.0.0.1', () => {
        const { port: bound } = server.address() as { port: number }
        server.close(() => resolve(bound))
      })
    })
    if (free !== undefined) return free
  }
  throw new Error(`no free port from ${from} on; say --port N`)
}
