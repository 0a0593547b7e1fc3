import { expect, test } from 'vitest'
import type { Clock } from '../../common/clock.ts'
import { MAX_TIMESTAMP, ObjectBatch } from '../../spi/batch.ts'
import type { Barrier, StreamElement } from './element.ts'
import { type GateEvent, type GateMode, InputGate } from './input-gate.ts'
import { createLocalChannel } from './local-channel.ts'

/**
 * A gate driven by words: `A1` is record 1 on channel A, `A|7` barrier 7, `Ax7` its cancel marker, `A.` the end,
 * `Aw5` a watermark, `A-` idle, `A+` active, `abort7` the coordinator's word. All that can be read is read after each.
 */
class ScriptedTask {
  readonly clock = { timeMs: 0, now: () => this.clock.timeMs, monotonicMs: () => this.clock.timeMs }
  readonly gate: InputGate
  readonly events: GateEvent[] = []
  readonly #channels

  constructor(inputs: readonly number[], mode: GateMode) {
    this.#channels = inputs.map((input) => ({ ...createLocalChannel(), input }))
    this.gate = new InputGate({ channels: this.#channels, mode, clock: this.clock satisfies Clock })
  }

  write(word: string): void {
    this.#channels[word.charCodeAt(0) - 65]?.writer.write(elementOf(word))
  }

  poll(): void {
    for (let event = this.gate.poll(); event !== undefined; event = this.gate.poll()) this.events.push(event)
  }

  run(script: string): string {
    for (const word of script.split(' ')) {
      this.clock.timeMs++
      if (word.startsWith('abort')) this.gate.abort(Number(word.slice(5)))
      else this.write(word)
      this.poll()
    }
    return this.events.map(wordOf).join(' ')
  }
}

function elementOf(word: string): StreamElement {
  const number = Number(word.slice(2))
  switch (word[1]) {
    case '|':
      return { kind: 'barrier', barrier: barrierOf(number) }
    case 'x':
      return { kind: 'cancel', checkpointId: number }
    case 'w':
      return { kind: 'watermark', timestampMs: number }
    case '-':
    case '+':
      return { kind: 'status', idle: word[1] === '-' }
    case '.':
      return { kind: 'end' }
    default:
      return { kind: 'batch', batch: new ObjectBatch([word], [0]) }
  }
}

function barrierOf(checkpointId: number): Barrier {
  return { checkpointId, kind: 'checkpoint', timestampMs: 0, stop: 'none' }
}

function wordOf(event: GateEvent): string {
  switch (event.kind) {
    case 'batch':
      return String(event.batch.valueAt(0))
    case 'barrier':
      return `|${event.barrier.checkpointId}`
    case 'cancel':
      return `x${event.checkpointId}`
    case 'watermark':
      return `${event.input}w${event.timestampMs}`
    case 'status':
      return `${event.input}${event.idle ? '-' : '+'}`
    case 'end':
      return '.'
  }
}

test.each([
  { it: 'holds a channel back behind its barrier', script: 'A1 A|7 A2 B1 B|7 A3 B2', events: 'A1 B1 |7 A2 A3 B2' },
  { it: 'takes the end of a channel for its barrier', script: 'A1 A|7 A2 B1 B. A3', events: 'A1 B1 |7 A2 A3' },
  { it: 'snapshots at once with a single open channel', script: 'B. A1 A|7 A2 A|8', events: 'A1 |7 A2 |8' },
  { it: 'lets barriers through behind the end', script: 'A1 A. B. A|7 B|7 B|8 A|8', events: 'A1 . |7 |8' },
  { it: 'ignores the late barrier of a channel that had ended', script: 'A|7 B. B|7 A1', events: '|7 A1' },
  { it: 'waits for the open channel when the ended one is first', script: 'B. B|7 A1 A|7 A2', events: 'A1 |7 A2' },
  {
    it: 'drops the pending checkpoint for a later one',
    script: 'A|7 A1 B|8 B1 A2 B2 A|8',
    events: 'x7 A1 A2 |8 B1 B2',
  },
  { it: 'ignores barriers of the past', script: 'A|8 B|8 A|7 A1 B|7 B1', events: '|8 A1 B1' },
  { it: 'releases channels at a cancel marker', script: 'A|7 A1 Bx7 B|7 B1 Ax7 A2', events: 'x7 A1 B1 A2' },
  { it: 'cancels what it has not seen yet', script: 'Ax7 A|7 A1 B|7 B1', events: 'x7 A1 B1' },
  { it: 'subsumes by a later cancel marker', script: 'A|7 A1 Bx8 A|8 A2', events: 'x7 x8 A1 A2' },
  { it: 'ignores a cancel marker of the past', script: 'A|8 Bx7 B1 B|8', events: 'B1 |8' },
  { it: 'ignores the cancel marker of a checkpoint it has taken', script: 'A|7 B|7 Ax7 A1', events: '|7 A1' },
  { it: 'releases channels when the coordinator aborts', script: 'A|7 A1 abort7 B|7 B1', events: 'A1 B1' },
  { it: 'takes the next one after an abort', script: 'A|7 abort7 A|8 A1 B|7 B|8 B1', events: '|8 A1 B1' },
  {
    it: 'ignores the barriers of one aborted before it came',
    script: 'abort7 A|7 A1 B|7 B1 A|8 B|8',
    events: 'A1 B1 |8',
  },
  {
    it: 'drops the pending one for the barrier of a later aborted one',
    script: 'A|7 abort8 A1 B|8 A2',
    events: 'x7 A1 A2',
  },
  { it: 'ends once, after the snapshot that the end brought about', script: 'A|7 A. B.', events: '|7 .' },
])('exactly once: a gate $it', ({ script, events }) => {
  expect(new ScriptedTask([0, 0], 'exactly-once').run(script)).toBe(events)
})

test.each([
  { it: 'never holds a channel back', script: 'A1 A|7 A2 B1 B|7 A3 B2', events: 'A1 A2 B1 |7 A3 B2' },
  { it: 'takes the end of a channel for its barrier', script: 'A|7 A2 B.', events: 'A2 |7' },
  { it: 'counts several checkpoints at once', script: 'A|7 A|8 B|7 B|8', events: '|7 |8' },
  { it: 'drops older ones when one is complete', script: 'A|7 B|8 A|8 B|7 A1', events: '|8 A1' },
  { it: 'counts no barrier of a cancelled one', script: 'A|7 Bx7 B|7 A|8 B|8', events: 'x7 |8' },
  { it: 'cancels once', script: 'Ax7 Bx7 A|7 B|7 A1', events: 'x7 A1' },
  { it: 'counts no barrier of an aborted one', script: 'A|7 abort7 B|7 abort8 A|8 B|8 A|9 B|9', events: '|9' },
  { it: 'lets barriers through behind the end', script: 'A. B|7 B. A|8', events: '|7 . |8' },
])('at least once: a gate $it', ({ script, events }) => {
  expect(new ScriptedTask([0, 0], 'at-least-once').run(script)).toBe(events)
})

test('at least once forgets the oldest of more than fifty pending checkpoints', () => {
  const task = new ScriptedTask([0, 0], 'at-least-once')
  const barriers = (channel: string) => Array.from({ length: 51 }, (_, i) => `${channel}|${i + 1}`).join(' ')
  expect(task.run(barriers('A'))).toBe('')
  expect(task.run(barriers('B')).split(' ')).toEqual(Array.from({ length: 50 }, (_, i) => `|${i + 2}`))
})

test('a gate reports how long the first channel waited, and how long the barrier was under way', () => {
  const task = new ScriptedTask([0, 0], 'exactly-once')
  task.run('A1 A1 A|7 B1 B1 B|7')
  expect(task.events.at(-1)).toMatchObject({ kind: 'barrier', startDelayMs: 3, alignmentMs: 3 })
})

test('watermarks and idleness merge input by input', () => {
  const script = 'Aw5 Bw3 Cw9 B- B+ Bw7 A- B- C- A+'
  expect(new ScriptedTask([0, 0, 1], 'exactly-once').run(script)).toBe('0w3 1w9 0w5 0w7 0- 1- 0+')
})

test('the end of time reaches the task before the end', () => {
  const task = new ScriptedTask([0, 0], 'exactly-once')
  expect(task.run(`Aw${MAX_TIMESTAMP} A. Bw${MAX_TIMESTAMP} B.`)).toBe('0wInfinity .')
})

test('channels are read in turn, however full one of them is', () => {
  const task = new ScriptedTask([0, 0, 0], 'exactly-once')
  for (const word of ['A1', 'A2', 'A3', 'A4', 'C1', 'C2', 'B1']) task.write(word)
  task.poll()
  expect(task.events.map(wordOf).join(' ')).toBe('A1 B1 C1 A2 C2 A3 A4')
})

test('a channel waits while it is blocked, and the gate says that it is aligning', () => {
  const task = new ScriptedTask([0, 0], 'exactly-once')
  expect(task.gate.isAligning()).toBe(false)
  task.run('A|7 A1')
  expect(task.gate.isAligning()).toBe(true)
  expect(task.gate.poll()).toBeUndefined()
  task.run('B|7')
  expect(task.gate.isAligning()).toBe(false)
})
