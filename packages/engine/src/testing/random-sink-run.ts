import { asEngineError } from '../common/errors.ts'
import { type Random, seededRandom } from '../common/random.ts'
import { SinkAttempt, type SinkCheckpoint, type SinkHarness } from './sink-attempt.ts'

/** How long and how wild a random run is. */
export interface RandomSinkRunSettings {
  readonly seed: number
  readonly records: number
  /** Share of the steps that kill the attempt; 0.15 unless set. */
  readonly killShare?: number
}

/** What a random run did: for the log, and to see that it wasn't a quiet one. */
export interface RandomSinkRun {
  readonly attempts: number
  readonly checkpoints: number
  readonly failures: number
}

const MAX_ATTEMPTS = 1000

/**
 * Drives a sink through random writes, snapshots, commits and kills until all records are committed: same seed, same
 * choices. Killed attempts may go on as zombies: they write, snapshot, close, and repeat commits of checkpoints that were
 * complete. A step that fails as `unavailable` kills the attempt too.
 */
export async function runSinkAtRandom<T>(
  harness: SinkHarness<T>,
  settings: RandomSinkRunSettings,
): Promise<RandomSinkRun> {
  const { records, killShare = 0.15 } = settings
  const random = seededRandom(settings.seed)
  const zombies: Zombie<T>[] = []
  let complete: SinkCheckpoint | undefined
  let nextId = 1
  let attempts = 0
  let checkpoints = 0
  let failures = 0
  let done = false

  const live = async (attempt: SinkAttempt<T>): Promise<'killed' | 'done'> => {
    for (;;) {
      if (random.next() < 0.2) await haunt(zombies, random)
      if (random.next() < killShare) return 'killed'
      await attempt.write(random.int(0, Math.min(23, records - attempt.position)))
      const atEnd = attempt.position >= records
      if (!atEnd && random.next() < 0.5) continue
      if (random.next() < 0.3) attempt.advanceWatermark(harness.record(Math.max(0, attempt.position - 10)).timestampMs)
      const reason = atEnd ? 'end-of-input' : random.next() < 0.1 ? 'savepoint' : 'checkpoint'
      const snapshot = attempt.snapshot(nextId++, reason)
      snapshot.catch(() => {}) // Awaited below, unless a write or a kill comes first.
      // What comes after the barrier is written while the snapshot becomes durable.
      if (!atEnd && random.next() < 0.5) attempt.writeNow(Math.min(3, records - attempt.position))
      if (random.next() < killShare) return 'killed'
      const checkpoint = await snapshot
      if (random.next() < killShare) return 'killed'
      complete = checkpoint
      checkpoints++
      if (random.next() < killShare) return 'killed'
      if (random.next() < killShare) {
        await attempt.commit(checkpoint, random.int(0, checkpoint.committables.length))
        return 'killed'
      }
      await attempt.commit(checkpoint)
      if (random.next() < 0.2) await attempt.commit(checkpoint)
      if (atEnd) return 'done'
    }
  }

  while (!done) {
    if (++attempts > MAX_ATTEMPTS) throw new Error(`seed ${settings.seed}: no end after ${MAX_ATTEMPTS} attempts`)
    const restored = complete
    let attempt: SinkAttempt<T> | undefined
    try {
      attempt = await SinkAttempt.start(harness, { parallelism: random.int(1, 3), attempt: attempts, restored })
      done = (await live(attempt)) === 'done'
    } catch (error) {
      if (asEngineError(error).kind !== 'unavailable') throw error
      failures++
    }
    if (attempt === undefined) continue
    if (done || random.next() < 0.3) await attempt.close()
    else zombies.push({ attempt, mayCommit: complete === restored ? undefined : complete })
  }
  await haunt(zombies, random)
  for (const { attempt } of zombies) await attempt.close().catch(() => {})
  return { attempts, checkpoints, failures }
}

interface Zombie<T> {
  readonly attempt: SinkAttempt<T>
  /** The last checkpoint that was completed while it was the newest attempt. */
  readonly mayCommit: SinkCheckpoint | undefined
}

/** Lets dead attempts do what they may still do. What they are told by an error is their own affair. */
async function haunt<T>(zombies: readonly Zombie<T>[], random: Random): Promise<void> {
  for (const { attempt, mayCommit } of zombies.slice(-3)) {
    try {
      const action = random.int(0, 3)
      if (action === 0) attempt.writeNow(random.int(1, 5))
      if (action === 1) await attempt.snapshot(1_000_000, 'checkpoint')
      if (action === 2) await attempt.snapshot(1_000_000, 'end-of-input')
      if (action === 3 && mayCommit !== undefined) await attempt.commit(mayCommit)
    } catch {
      // Fenced, refused or failed: as it should be.
    }
  }
}
