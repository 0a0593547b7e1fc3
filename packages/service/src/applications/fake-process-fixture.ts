import { EngineError } from '@millrace/engine/spi'
import type { JobExit, JobSettings, SavedState } from '../jobs/job-launcher.ts'
import type { RunLineage } from './application-record.ts'
import type { World } from './lifecycle-world-fixture.ts'

/** What a dead one waits for. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {})

/** A job's process: takes its time, fails, dies, doesn't listen. */
export class FakeProcess {
  readonly running: Promise<void>
  readonly exited: Promise<JobExit>
  readonly name: string
  readonly settings: JobSettings
  readonly epoch: number
  readonly born: number
  readonly owner: object
  state: 'STARTING' | 'RUNNING' | 'GONE' = 'STARTING'
  readonly #world: World
  #position = 0
  #busy = false
  #onRunning: () => void = () => {}
  #onNotRunning: (error: EngineError) => void = () => {}
  #onExit: (exit: JobExit) => void = () => {}

  constructor(world: World, settings: JobSettings, owner: object, occupied: boolean) {
    this.#world = world
    this.name = settings.application.name
    this.settings = settings
    this.epoch = settings.epoch
    this.born = settings.application.createdMs
    this.owner = owner
    this.running = new Promise((resolve, reject) => {
      this.#onRunning = resolve
      this.#onNotRunning = reject
    })
    this.running.catch(() => {})
    this.exited = new Promise((resolve) => {
      this.#onExit = resolve
    })
    const { time, random } = world
    if (occupied) {
      time.after(random.int(1, 50), () => this.fail('APPLICATION_RUNNING', 'invalid'))
    } else if (!(world.hostile && world.chance(0.02))) {
      time.after(random.int(20, 800), () => this.#begin(settings))
    }
  }

  get alive(): boolean {
    return this.state !== 'GONE'
  }

  #begin({ lineage }: JobSettings): void {
    if (!this.alive) return
    const { hostile, random, options, checkpoints } = this.#world
    if (hostile && this.#world.chance(0.15)) {
      const kind = (['invalid', 'application', 'unavailable', 'corrupt'] as const)[random.int(0, 3)]!
      this.fail('DOES_NOT_START', kind)
      return
    }
    const since = options.bug === 'state forgotten' ? this.epoch : lineage.sinceEpoch
    const latest = checkpoints.at(-1)
    const { restoredFrom } = lineage
    if (latest !== undefined && latest.epoch >= since) this.#position = latest.position
    else this.#position = restoredFrom === undefined ? 0 : this.#restored(lineage, restoredFrom)
    const { saved } = this.#world
    if (options.keepsState && saved !== undefined && saved !== this.#position) {
      this.#world.violate('state kept', `goes on from ${this.#position}, saved was ${saved}`)
    }
    this.state = 'RUNNING'
    this.#onRunning()
    this.#checkpointLater()
  }

  #restored({ begunBy }: RunLineage, restoredFrom: string): number {
    const { savepoints, chosen, options } = this.#world
    const folder = options.bug === 'another snapshot restored' ? [...savepoints.keys()][0] : restoredFrom
    const position = savepoints.get(folder ?? '')
    if (position === undefined) this.#world.violate('a snapshot is restorable', `${restoredFrom} is gone`)
    const expected = begunBy === undefined ? undefined : chosen.get(begunBy)
    if (expected !== undefined && position !== expected) {
      this.#world.violate('the chosen snapshot', `begins with ${position}, asked for was ${expected}`)
    }
    return position ?? Number.NaN
  }

  #checkpointLater(): void {
    this.#world.time.after(this.#world.random.int(500, 3000), () => {
      if (this.state !== 'RUNNING' || this.#busy) return
      this.#save()
      if (this.#world.time.now() < 1_700_000_000_000 + 3_600_000 && this.#world.hostile) this.#checkpointLater()
    })
  }

  #save(): void {
    this.#position++
    this.#world.checkpoints.push({ epoch: this.epoch, position: this.#position })
    if (this.#world.saved !== undefined) this.#world.saved = this.#position
  }

  async stop(keep: boolean): Promise<SavedState> {
    const world = this.#world
    if (!this.alive) throw exited()
    if (this.state !== 'RUNNING' || (world.hostile && world.chance(0.05))) throw notRunning()
    this.#busy = true
    const hangs = world.hostile && world.chance(0.02)
    await Promise.race([
      this.exited,
      hangs ? never() : new Promise<void>((resolve) => world.time.after(world.random.int(5, 500), resolve)),
    ])
    if (!this.alive) throw exited()
    if (world.hostile && world.chance(0.1)) {
      this.#busy = false
      throw new EngineError('SAVEPOINT_FAILED', { kind: 'unavailable', message: 'the storage is full' })
    }
    this.#save()
    const folder = world.newSavepoint()
    if (world.hostile && world.chance(0.1)) {
      this.die()
      throw exited()
    }
    if (keep) world.savepoints.set(folder, this.#position)
    this.#end({ outcome: 'STOPPED', cause: undefined })
    return { folder, sizeBytes: this.#position }
  }

  async savepoint(): Promise<SavedState> {
    const world = this.#world
    if (!this.alive) throw exited()
    if (this.state !== 'RUNNING' || this.#busy || (world.hostile && world.chance(0.05))) throw notRunning()
    const delay = new Promise<void>((resolve) => world.time.after(world.random.int(5, 500), resolve))
    await Promise.race([this.exited, delay])
    if (!this.alive) throw exited()
    if (this.#busy || (world.hostile && world.chance(0.1))) {
      throw new EngineError('SAVEPOINT_FAILED', { kind: 'unavailable', message: 'the storage is full' })
    }
    this.#save()
    const folder = world.newSavepoint()
    if (world.options.bug !== 'snapshot without files') world.savepoints.set(folder, this.#position)
    return { folder, sizeBytes: this.#position }
  }

  cancel(): void {
    const { time, random, hostile } = this.#world
    if (hostile && this.#world.chance(0.1)) return
    time.after(random.int(1, 300), () => this.#end({ outcome: 'CANCELED', cause: undefined }))
  }

  die(): void {
    this.#end({ outcome: 'FAILED', cause: undefined })
  }

  finish(): void {
    this.#end({ outcome: 'FINISHED', cause: undefined })
  }

  fail(code: string, kind: EngineError['kind']): void {
    this.#end({ outcome: 'FAILED', cause: new EngineError(code, { kind, message: 'the job failed' }) })
  }

  #end(exit: JobExit): void {
    if (!this.alive) return
    this.state = 'GONE'
    this.#onNotRunning(exit.cause ?? exited())
    this.#onExit(exit)
  }
}

const exited = (): EngineError =>
  new EngineError('APPLICATION_EXITED', { kind: 'unavailable', message: 'its process has ended' })
const notRunning = (): EngineError => new EngineError('NOT_RUNNING', { kind: 'invalid', message: 'it is restarting' })
