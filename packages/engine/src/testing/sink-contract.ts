import { runSinkAtRandom } from './random-sink-run.ts'
import { SinkAttempt, type SinkCheckpoint, type SinkHarness } from './sink-attempt.ts'
import type { TestKit } from './test-kit.ts'

/** Limits of a sink contract run, for storages on which everything takes long. */
export interface SinkContractSettings {
  /** Random runs; 20 unless set. */
  readonly seeds?: number
}

/**
 * Declares the tests that every sink passes, by its guarantee: whatever is killed, replayed, rescaled, repeated, or goes
 * on as a zombie, the outside ends up with every record (at-least-once) exactly once (exactly-once), and sees nothing of an
 * exactly-once sink before the checkpoint that covers it is complete.
 */
export function describeSink<T>(
  name: string,
  open: () => Promise<SinkHarness<T>>,
  kit: TestKit,
  { seeds = 20 }: SinkContractSettings = {},
): void {
  const { describe, test, expect } = kit
  const withSink = (title: string, run: (sink: SinkUnderTest<T>) => Promise<void>) =>
    test(title, async () => {
      const harness = await open()
      const sink = new SinkUnderTest(harness)
      try {
        await run(sink)
      } finally {
        await sink.closeAll()
        await harness.close()
      }
    })
  /** Exactly the records 0…count-1 are seen; an at-least-once sink may show some twice. */
  const expectSeen = async (sink: SinkUnderTest<T>, count: number, while_: string) => {
    const seen = [...(await sink.harness.visible())].sort((a, b) => a - b)
    const once = sink.exactlyOnce ? seen : [...new Set(seen)]
    expect(once, `seen ${while_}`).toEqual(Array.from({ length: count }, (_, i) => i))
  }
  const expectUnseenBefore = async (sink: SinkUnderTest<T>, count: number, while_: string) => {
    if (sink.exactlyOnce) await expectSeen(sink, count, while_)
  }

  describe(`Sink contract: ${name}`, () => {
    withSink('records are seen when their checkpoint is committed, and not before', async (sink) => {
      const attempt = await sink.start()
      await attempt.write(30)
      await expectUnseenBefore(sink, 0, 'before the snapshot')
      const first = await attempt.snapshot(1, 'savepoint')
      await attempt.write(20)
      await expectUnseenBefore(sink, 0, 'before the commit')
      await attempt.commit(first)
      await expectUnseenBefore(sink, 30, 'after the commit')
      await sink.finish(attempt)
      await expectSeen(sink, 50, 'at the end')
    })

    withSink('what is written while a snapshot becomes durable belongs to the next', async (sink) => {
      const attempt = await sink.start()
      attempt.writeNow(5)
      const first = attempt.snapshot(1)
      attempt.writeNow(5)
      const second = attempt.snapshot(2)
      attempt.writeNow(5)
      await second
      const restored = await first
      expect(restored.position).toBe(5)
      await sink.finish(await sink.start(restored), 15)
      await expectSeen(sink, 15, 'after the restore')
    })

    withSink('an empty run and empty checkpoints leave nothing', async (sink) => {
      const attempt = await sink.start()
      const first = await attempt.snapshot(1)
      await attempt.commit(first)
      await sink.finish(await sink.start(first))
      await expectSeen(sink, 0, 'at the end')
    })

    for (const resumeAt of [1, 2, 3, 4]) {
      withSink(`resumes from snapshot ${resumeAt} of 4 after more was written`, async (sink) => {
        const attempt = await sink.start()
        const checkpoints = await sink.writeCheckpoints(attempt, resumeAt, 12)
        await attempt.write(17)
        await attempt.close()
        await sink.finish(await sink.start(checkpoints.at(-1)), 70)
        await expectSeen(sink, 70, 'at the end')
      })
    }

    const steps = ['written', 'snapshot begun', 'snapshot durable', 'complete', 'half committed', 'committed'] as const
    for (const step of steps) {
      for (const reason of ['checkpoint', 'savepoint'] as const) {
        withSink(`a crash when a ${reason} was ${step}`, async (sink) => {
          const attempt = await sink.start(undefined, 2)
          const [first] = await sink.writeCheckpoints(attempt, 1, 10)
          await attempt.write(13)
          const at = steps.indexOf(step)
          const snapshot = at >= 1 ? attempt.snapshot(2, reason) : undefined
          snapshot?.catch(() => {})
          const second = at >= 2 ? await snapshot : undefined
          if (second !== undefined && at >= 4) {
            await attempt.commit(second, at === 4 ? Math.ceil(second.committables.length / 2) : undefined)
          }
          await sink.finish(await sink.start(at >= 3 ? second : first, 2), 60)
          await expectSeen(sink, 60, 'at the end')
        })
      }
    }

    withSink('rescales: writer states and committables go to any number of subtasks', async (sink) => {
      let restored: SinkCheckpoint | undefined
      for (const parallelism of [1, 3, 2, 4, 1]) {
        const attempt = await sink.start(restored, parallelism)
        await attempt.write(21)
        restored = await attempt.snapshot(sink.nextId())
        await attempt.close()
      }
      await sink.finish(await sink.start(restored, 2), 120)
      await expectSeen(sink, 120, 'at the end')
    })

    withSink('commits are repeatable, also by another attempt and at the same time', async (sink) => {
      const attempt = await sink.start(undefined, 2)
      await attempt.write(25)
      const savepoint = await attempt.snapshot(1, 'savepoint')
      const other = await sink.start(savepoint)
      await Promise.all([attempt.commit(savepoint), other.commit(savepoint)])
      await attempt.commit(savepoint)
      await sink.finish(other)
      await attempt.commit(savepoint)
      await expectSeen(sink, 25, 'at the end')
    })

    withSink('a checkpoint that never completes is covered by the next one', async (sink) => {
      const attempt = await sink.start()
      await attempt.write(10)
      await attempt.snapshot(1, 'savepoint')
      await attempt.write(10)
      const second = await attempt.snapshot(2)
      await attempt.commit(second)
      await attempt.close()
      await sink.finish(await sink.start(second), 30)
      await expectSeen(sink, 30, 'at the end')
    })

    withSink('a restore that dies before its first checkpoint is repeated', async (sink) => {
      const attempt = await sink.start(undefined, 2)
      await attempt.write(22)
      const restored = await attempt.snapshot(1)
      for (let i = 0; i < 3; i++) {
        const next = await sink.start(restored, 2)
        await next.write(9)
        if (i % 2 === 0) await next.close()
      }
      await sink.finish(await sink.start(restored, 1), 40)
      await expectSeen(sink, 40, 'at the end')
    })

    withSink('a fenced attempt that goes on writing damages nothing', async (sink) => {
      const zombie = await sink.start(undefined, 2)
      await zombie.write(18)
      const restored = await zombie.snapshot(1)
      await zombie.write(6)
      const attempt = await sink.start(restored, 2)
      await allowed(async () => zombie.writeNow(7))
      await attempt.write(11)
      await allowed(() => zombie.snapshot(2))
      const next = await attempt.snapshot(3)
      await allowed(async () => zombie.writeNow(7))
      await attempt.commit(next)
      await allowed(() => zombie.commit(restored))
      await allowed(() => zombie.snapshot(3, 'end-of-input'))
      await sink.finish(attempt, 50)
      await allowed(() => zombie.close())
      await expectSeen(sink, 50, 'at the end')
    })

    for (let seed = 1; seed <= seeds; seed++) {
      withSink(`random kills, seed ${seed}`, async (sink) => {
        await runSinkAtRandom(sink.harness, { seed, records: 150 })
        await expectSeen(sink, 150, 'at the end')
      })
    }
  })
}

/** Starts attempts on one harness and closes those that a test left. */
class SinkUnderTest<T> {
  readonly harness: SinkHarness<T>
  readonly exactlyOnce: boolean
  readonly #attempts: SinkAttempt<T>[] = []
  #ids = 1000

  constructor(harness: SinkHarness<T>) {
    this.harness = harness
    this.exactlyOnce = harness.createSink().guarantee === 'exactly-once'
  }

  nextId(): number {
    return ++this.#ids
  }

  async start(restored?: SinkCheckpoint, parallelism = 1): Promise<SinkAttempt<T>> {
    const attempt = await SinkAttempt.start(this.harness, { parallelism, attempt: this.#attempts.length + 1, restored })
    this.#attempts.push(attempt)
    return attempt
  }

  async writeCheckpoints(attempt: SinkAttempt<T>, count: number, records: number): Promise<SinkCheckpoint[]> {
    const checkpoints: SinkCheckpoint[] = []
    for (let id = 1; id <= count; id++) {
      await attempt.write(records)
      const checkpoint = await attempt.snapshot(id)
      await attempt.commit(checkpoint)
      checkpoints.push(checkpoint)
    }
    return checkpoints
  }

  /** Writes up to record `count`, ends the input, commits, closes. */
  async finish(attempt: SinkAttempt<T>, count = attempt.position): Promise<void> {
    await attempt.write(count - attempt.position)
    await attempt.commit(await attempt.snapshot(this.nextId(), 'end-of-input'))
    await attempt.close()
  }

  async closeAll(): Promise<void> {
    for (const attempt of this.#attempts) await allowed(() => attempt.close())
  }
}

/** A zombie may be told no. */
async function allowed(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch {
    // Refusing is as good as ignoring.
  }
}
