import { seededRandom } from '../common/random.ts'
import type { Source } from '../spi/source.ts'
import { type DriverSurroundings, type Emitted, SourceDriver, type SourceSnapshot } from './source-driver.ts'
import type { TestKit } from './test-kit.ts'

/** An outside system for one test, and how to read it. */
export interface SourceHarness<T> {
  readonly clock: DriverSurroundings['clock']
  readonly scheduler: DriverSurroundings['scheduler']
  /** A source over the system, reading everything from its beginning. Made anew for every attempt. */
  source(): Source<T>
  /**
   * Writes `count` more records, of a dozen keys at least, and returns their names: unique, `key/number`, numbers
   * growing within a key.
   */
  write(count: number): Promise<readonly string[]>
  /** The name that `write` gave a record. */
  nameOf(value: T): string
  /** Changes the set of splits (a reshard) where the system can. */
  reshard?(): Promise<void>
  /** Makes the system end its splits, where the source is bounded. */
  finish?(): Promise<void>
  /** Lets time pass until the condition holds. Throws when it takes too long. */
  until(condition: () => boolean): Promise<void>
  /** Lets about `ms` pass. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

/** What the system can do, and how thorough the suite is. */
export interface SourceContractSettings {
  /** The harness has `reshard`. */
  readonly reshards?: boolean
  /** The source is bounded, and the harness has `finish`. */
  readonly bounded?: boolean
  /** Seeds of the tests at random moments. Default 5. */
  readonly seeds?: number
}

/**
 * Declares the tests that every source passes: each record once and in its key's order, from any snapshot, at any
 * parallelism, again and again, through changes of its splits.
 */
export function describeSource<T>(
  name: string,
  open: () => Promise<SourceHarness<T>>,
  { describe, test, expect }: TestKit,
  { reshards = false, bounded = false, seeds = 5 }: SourceContractSettings = {},
): void {
  const withSystem = (title: string, run: (system: SourceHarness<T>) => Promise<void>) =>
    test(title, async () => {
      const system = await open()
      try {
        await run(system)
      } finally {
        await system.close()
      }
    })

  const start = (system: SourceHarness<T>, parallelism: number, seed: number, from?: SourceSnapshot<T>) =>
    new SourceDriver(
      system.source(),
      parallelism,
      { clock: system.clock, scheduler: system.scheduler, random: seededRandom(seed) },
      from,
    )

  /** Runs until all of `names` came, or more than that; checks that it is exactly these and every key in order. */
  const expectAll = async (system: SourceHarness<T>, run: SourceDriver<T>, names: readonly string[]) => {
    try {
      await system.until(() => run.emitted.length >= names.length)
      // Doubles would come right behind.
      await system.pass(50)
      const emitted = run.emitted.map(({ value }) => system.nameOf(value))
      expect([...emitted].sort()).toEqual([...names].sort())
      expect(keysOutOfOrder(emitted)).toEqual([])
    } finally {
      await run.close()
    }
  }

  const namesOf = (system: SourceHarness<T>, emitted: readonly Emitted<T>[]) =>
    emitted.map(({ value }) => system.nameOf(value))

  describe(`Source contract: ${name}`, () => {
    withSystem(
      'reads what was written before and after its start, each record once, each key in order',
      async (system) => {
        const names = [...(await system.write(300))]
        const run = start(system, 2, 1)
        await system.until(() => run.emitted.length >= 100)
        names.push(...(await system.write(200)))
        await expectAll(system, run, names)
      },
    )

    for (let seed = 1; seed <= seeds; seed++) {
      withSystem(`goes on from a snapshot at any moment, seed ${seed}`, async (system) => {
        const random = seededRandom(seed)
        const names = [...(await system.write(400))]
        let snapshot: SourceSnapshot<T> | undefined
        for (let attempt = 0; attempt < 4; attempt++) {
          const run = start(system, 2, seed * 10 + attempt, snapshot)
          await system.pass(random.int(0, 600))
          snapshot = await settledSnapshot(system, run)
          if (random.next() < 0.5) run.complete(snapshot)
          names.push(...(await system.write(random.int(0, 100))))
          // What comes after the snapshot is read again by the next attempt.
          await system.pass(random.int(0, 400))
          run.throwFailure()
          await run.close()
        }
        await expectAll(system, start(system, 2, seed, snapshot), names)
      })
    }

    for (const [from, to] of [
      [2, 1],
      [2, 3],
      [1, 4],
      [4, 2],
    ] as const) {
      withSystem(`a snapshot of parallelism ${from} is restored at ${to}`, async (system) => {
        const names = [...(await system.write(300))]
        const first = start(system, from, 1)
        await system.until(() => first.emitted.length >= 100)
        const snapshot = await settledSnapshot(system, first)
        await first.close()
        names.push(...(await system.write(200)))
        await expectAll(system, start(system, to, 2, snapshot), names)
      })
    }

    withSystem('the same snapshot gives the same records again', async (system) => {
      const names = await system.write(300)
      const first = start(system, 2, 1)
      await system.until(() => first.emitted.length >= 50)
      const snapshot = await settledSnapshot(system, first)
      await system.until(() => first.emitted.length >= names.length)
      await first.close()
      const again = start(system, 2, 2, snapshot)
      await system.until(() => again.emitted.length >= names.length)
      const tail = (run: SourceDriver<T>) => namesOf(system, run.emitted).sort()
      expect(tail(again)).toEqual(tail(first))
      await again.close()
    })

    withSystem(
      'a snapshot before the first record, and one of a run that was just restored, lose nothing',
      async (system) => {
        const first = start(system, 2, 1)
        const early = await settledSnapshot(system, first)
        await first.close()
        const names = await system.write(100)
        const second = start(system, 2, 2, early)
        const again = await settledSnapshot(system, second)
        await second.close()
        await expectAll(system, start(system, 2, 3, again), names)
      },
    )

    withSystem('a full output holds it back, and nothing is lost when it goes on', async (system) => {
      const run = start(system, 2, 1)
      run.pause()
      const names = await system.write(500)
      await system.pass(1_000)
      expect(run.emitted.length).toBe(0)
      run.resume()
      await expectAll(system, run, names)
    })

    withSystem('a closed run emits nothing more', async (system) => {
      await system.write(50)
      const run = start(system, 2, 1)
      await system.until(() => run.emitted.length >= 50)
      await run.close()
      await system.write(50)
      await system.pass(500)
      expect(run.emitted.length).toBe(50)
    })
  })

  if (reshards) {
    describe(`Source contract, changing splits: ${name}`, () => {
      for (let seed = 1; seed <= seeds; seed++) {
        withSystem(`keys stay in order through reshards and restarts, seed ${seed}`, async (system) => {
          const random = seededRandom(seed)
          const names = [...(await system.write(300))]
          // Old and new splits are both found at the start, the old ones with a backlog.
          await system.reshard!()
          names.push(...(await system.write(300)))
          let snapshot: SourceSnapshot<T> | undefined
          for (let attempt = 0; attempt < 4; attempt++) {
            const run = start(system, random.int(1, 3), seed * 10 + attempt, snapshot)
            await system.pass(random.int(0, 800))
            await system.reshard!()
            names.push(...(await system.write(200)))
            if (random.next() < 0.7) run.pause()
            await system.pass(random.int(0, 1_500))
            // What waits is emitted between the enumerator's part of the snapshot and the readers'.
            run.resume()
            snapshot = await settledSnapshot(system, run)
            if (random.next() < 0.5) {
              run.complete(snapshot)
              await system.pass(random.int(0, 500))
              snapshot = await settledSnapshot(system, run)
            }
            run.throwFailure()
            await run.close()
          }
          await expectAll(system, start(system, 2, seed, snapshot), names)
        })
      }
    })
  }

  if (bounded) {
    describe(`Source contract, bounded: ${name}`, () => {
      withSystem('says when it is at its end', async (system) => {
        const names = await system.write(100)
        await system.finish!()
        const run = start(system, 2, 1)
        await system.until(() => run.ended)
        await expectAll(system, run, names)
      })
    })
  }
}

async function settledSnapshot<T>(system: SourceHarness<T>, run: SourceDriver<T>): Promise<SourceSnapshot<T>> {
  let taken: SourceSnapshot<T> | undefined
  void run.snapshot().then((snapshot) => {
    taken = snapshot
  })
  await system.until(() => taken !== undefined)
  return taken!
}

/** Keys whose records came out of order. */
function keysOutOfOrder(names: readonly string[]): string[] {
  const last = new Map<string, number>()
  const wrong = new Set<string>()
  for (const name of names) {
    const [key, number] = name.split('/') as [string, string]
    if ((last.get(key) ?? -1) >= Number(number)) wrong.add(key)
    last.set(key, Number(number))
  }
  return [...wrong]
}
