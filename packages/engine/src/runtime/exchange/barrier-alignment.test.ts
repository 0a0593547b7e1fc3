import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { ObjectBatch } from '../../spi/batch.ts'
import type { StreamElement } from './element.ts'
import { type GateMode, InputGate } from './input-gate.ts'
import { createLocalChannel } from './local-channel.ts'

/** What one channel carries: `r` a record, `1` and `2` the barriers, `.` the end. */
type Channel = string

/** Three records and an end, with two barriers anywhere among them: 15 channels. */
function channelsWithTwoBarriers(): Channel[] {
  const channels: Channel[] = []
  for (let first = 0; first <= 4; first++) {
    for (let second = first; second <= 4; second++) {
      const plain = 'rrr.'
      channels.push(`${plain.slice(0, first)}1${plain.slice(first, second)}2${plain.slice(second)}`)
    }
  }
  return channels
}

/** All orders in which six elements of A and six of B can arrive, as strings of `A` and `B`. */
function arrivals(a: number, b: number): string[] {
  if (a === 0) return ['B'.repeat(b)]
  if (b === 0) return ['A'.repeat(a)]
  return [...arrivals(a - 1, b).map((s) => `A${s}`), ...arrivals(a, b - 1).map((s) => `B${s}`)]
}

interface Outcome {
  /** Records processed on A and B when each snapshot was taken. */
  readonly snapshots: ReadonlyMap<number, readonly [number, number]>
  readonly problem: string | undefined
}

/** The task: counts the records of each channel, which are numbered, and copies the counts at a snapshot. */
function runTask(mode: GateMode, a: Channel, b: Channel, arrival: string): Outcome {
  const ends = [createLocalChannel(), createLocalChannel()] as const
  const gate = new InputGate({
    channels: ends.map(({ reader }) => ({ reader, input: 0 })),
    mode,
    clock: systemClock,
  })
  const counts: [number, number] = [0, 0]
  const snapshots = new Map<number, readonly [number, number]>()
  let problem: string | undefined
  let ended = false
  const position = [0, 0]
  const written: [number, number] = [0, 0]
  for (const who of arrival) {
    const c = who === 'A' ? 0 : 1
    const symbol = (c === 0 ? a : b)[position[c]!++] as string
    ends[c].writer.write(elementOf(symbol, c, symbol === 'r' ? ++written[c] : 0))
    for (let event = gate.poll(); event !== undefined; event = gate.poll()) {
      if (event.kind === 'batch') {
        const [from, number] = event.batch.valueAt(0) as [0 | 1, number]
        if (number !== ++counts[from]) problem = 'the order of a channel changed'
        if (ended) problem = 'a record came after the end'
      } else if (event.kind === 'barrier') {
        if (snapshots.has(event.barrier.checkpointId)) problem = 'a snapshot came twice'
        snapshots.set(event.barrier.checkpointId, [...counts])
      } else if (event.kind === 'end') {
        if (ended) problem = 'the end came twice'
        ended = true
      } else problem = `${event.kind} came from nowhere`
    }
  }
  if (counts[0] !== 3 || counts[1] !== 3) problem ??= 'records are missing'
  if (!ended) problem ??= 'the end is missing'
  return { snapshots, problem }
}

function elementOf(symbol: string, channel: number, number: number): StreamElement {
  if (symbol === 'r') return { kind: 'batch', batch: new ObjectBatch([[channel, number]], [0]) }
  if (symbol === '.') return { kind: 'end' }
  return {
    kind: 'barrier',
    barrier: { checkpointId: Number(symbol), kind: 'checkpoint', timestampMs: 0, stop: 'none' },
  }
}

/** Records of the channel before the barrier. */
function prefix(channel: Channel, checkpointId: number): number {
  return channel.slice(0, channel.indexOf(String(checkpointId))).replaceAll(/[^r]/g, '').length
}

function forEveryInterleaving(check: (a: Channel, b: Channel, arrival: string) => string | undefined): number {
  const channels = channelsWithTwoBarriers()
  const orders = arrivals(6, 6)
  let runs = 0
  for (const a of channels) {
    for (const b of channels) {
      for (const arrival of orders) {
        const problem = check(a, b, arrival)
        if (problem !== undefined) expect.fail(`${problem}: A ${a}, B ${b}, arriving ${arrival}`)
        runs++
      }
    }
  }
  return runs
}

test('exactly once: in every interleaving both snapshots hold exactly what came before their barriers (invariant 1)', () => {
  const runs = forEveryInterleaving((a, b, arrival) => {
    const { snapshots, problem } = runTask('exactly-once', a, b, arrival)
    if (problem !== undefined) return problem
    for (const id of [1, 2]) {
      const snapshot = snapshots.get(id)
      if (snapshot === undefined) return `snapshot ${id} is missing`
      if (snapshot[0] !== prefix(a, id) || snapshot[1] !== prefix(b, id)) return `snapshot ${id} is ${snapshot}`
    }
    return undefined
  })
  expect(runs).toBe(15 * 15 * 924)
})

test('at least once: in every interleaving both snapshots hold at least what came before their barriers', () => {
  let more = 0
  forEveryInterleaving((a, b, arrival) => {
    const { snapshots, problem } = runTask('at-least-once', a, b, arrival)
    if (problem !== undefined) return problem
    for (const id of [1, 2]) {
      const snapshot = snapshots.get(id)
      if (snapshot === undefined) return `snapshot ${id} is missing`
      if (snapshot[0] < prefix(a, id) || snapshot[1] < prefix(b, id)) return `snapshot ${id} is ${snapshot}`
      if (snapshot[0] > prefix(a, id) || snapshot[1] > prefix(b, id)) more++
    }
    return undefined
  })
  // Otherwise nothing was reordered and the test above would prove nothing.
  expect(more).toBeGreaterThan(1000)
})
