import { EngineError } from '@millrace/engine/spi'
import { classifyAwsError } from '../aws/aws-errors.ts'
import { Aborted } from '../aws/backoff.ts'
import { RetryRow, type RetrySurroundings } from '../aws/retry.ts'
import { MAX_REQUEST_BYTES, MAX_REQUEST_MESSAGES } from './message.ts'
import type { SnsApi, SnsFailure, SnsMessage } from './sns-api.ts'

/** What an outbox is told about its limits and its topic. */
export interface OutboxSettings {
  readonly topicArn: string
  readonly maxInFlight: number
  readonly unavailableAfterMs: number
}

/** What an outbox tells its owner. */
export interface OutboxEvents {
  /** Some messages were acknowledged. */
  settled(count: number): void
  /** Some messages must be sent again. */
  retried(count: number): void
  /** Nothing more will be sent. */
  failed(error: unknown): void
}

interface Letter {
  readonly number: number
  readonly message: SnsMessage
  readonly bytes: number
}

interface Waiter {
  /** Waits for the letters before this number; so many of them are not yet acknowledged. */
  readonly before: number
  open: number
  readonly resolve: () => void
}

/**
 * Sends messages as soon as there is room: the first one at once, and in one request what has gathered while requests
 * were under way. A group (of a `.fifo` topic) has one message under way at a time, so a repeated one is never
 * overtaken by a later one of its group.
 *
 * A request keeps its place until all of its messages are acknowledged, backing off in between: when the topic
 * throttles, fewer requests are made.
 */
export class Outbox {
  readonly #api: SnsApi
  readonly #settings: OutboxSettings
  readonly #around: RetrySurroundings
  readonly #events: OutboxEvents
  /** May be sent now, in order. */
  #ready: Letter[] = []
  /** Per group that has a letter ready or under way: the letters behind it. */
  readonly #groups = new Map<string, Letter[]>()
  #waiters: Waiter[] = []
  #next = 0
  #open = 0
  #openBytes = 0
  #inFlight = 0

  constructor(api: SnsApi, settings: OutboxSettings, around: RetrySurroundings, events: OutboxEvents) {
    this.#api = api
    this.#settings = settings
    this.#around = around
    this.#events = events
  }

  /** Messages not yet acknowledged. */
  get open(): number {
    return this.#open
  }

  /** Their size. */
  get openBytes(): number {
    return this.#openBytes
  }

  add(message: SnsMessage, bytes: number): void {
    const letter = { number: this.#next++, message, bytes }
    this.#open++
    this.#openBytes += bytes
    const { groupId } = message
    const behind = groupId === undefined ? undefined : this.#groups.get(groupId)
    if (behind !== undefined) behind.push(letter)
    else {
      if (groupId !== undefined) this.#groups.set(groupId, [])
      this.#ready.push(letter)
    }
  }

  /** Sends what can be sent. To be called after messages were added. */
  dispatch(): void {
    while (this.#inFlight < this.#settings.maxInFlight && this.#ready.length > 0 && !this.#around.signal.aborted) {
      this.#inFlight++
      this.#deliver(this.#takeRequest()).then(
        () => {
          this.#inFlight--
          this.dispatch()
        },
        (error: unknown) => {
          if (!(error instanceof Aborted)) this.#events.failed(error)
        },
      )
    }
  }

  /** Resolves when all that was added before is acknowledged; never, when that can't be. */
  flushed(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push({ before: this.#next, open: this.#open, resolve })
    })
  }

  #takeRequest(): Letter[] {
    let count = 0
    let bytes = 0
    while (count < this.#ready.length && count < MAX_REQUEST_MESSAGES) {
      bytes += this.#ready[count]!.bytes
      if (count > 0 && bytes > MAX_REQUEST_BYTES) break
      count++
    }
    return this.#ready.splice(0, count)
  }

  async #deliver(request: readonly Letter[]): Promise<void> {
    const row = new RetryRow(
      this.#around,
      `Publishing to ${this.#settings.topicArn}`,
      this.#settings.unavailableAfterMs,
    )
    let rest = request
    while (rest.length > 0) {
      let failures: readonly SnsFailure[]
      try {
        const messages = rest.map(({ message }) => message)
        failures = await this.#api.publishBatch(messages, this.#around.signal)
      } catch (error) {
        this.#events.retried(rest.length)
        await row.failed(error)
        continue
      }
      const refused = failures.find(isRefusal)
      if (refused !== undefined) throw refusal(this.#settings.topicArn, refused)
      const failed = new Set(failures.map(({ index }) => index))
      if (failed.size < rest.length) {
        row.succeeded()
        this.#settle(rest.filter((_, index) => !failed.has(index)))
      }
      rest = rest.filter((_, index) => failed.has(index))
      if (rest.length === 0) return
      this.#events.retried(rest.length)
      await row.failed(asError(failures[0]!))
    }
  }

  #settle(letters: readonly Letter[]): void {
    this.#open -= letters.length
    for (const { number, message, bytes } of letters) {
      this.#openBytes -= bytes
      for (const waiter of this.#waiters) if (number < waiter.before) waiter.open--
      if (message.groupId !== undefined) this.#advanceGroup(message.groupId)
    }
    const done = this.#waiters.filter(({ open }) => open === 0)
    if (done.length > 0) this.#waiters = this.#waiters.filter(({ open }) => open > 0)
    for (const { resolve } of done) resolve()
    this.#events.settled(letters.length)
    this.dispatch()
  }

  #advanceGroup(groupId: string): void {
    const next = this.#groups.get(groupId)?.shift()
    if (next === undefined) this.#groups.delete(groupId)
    else this.#ready.push(next)
  }
}

/** A batch's failure in the shape of the SDK's errors, to be classified and reported like one. */
function asError({ code, message, senderFault }: SnsFailure): Error {
  return Object.assign(new Error(message), { name: code, $fault: senderFault ? 'client' : 'server' })
}

function isRefusal(failure: SnsFailure): boolean {
  const kind = classifyAwsError(asError(failure))
  return kind === 'rejected' || kind === 'denied' || kind === 'missing'
}

function refusal(topicArn: string, { code, message }: SnsFailure): EngineError {
  return new EngineError('SNS_MESSAGE_REFUSED', {
    kind: 'invalid',
    message: `${topicArn} refused a message: ${code}: ${message}`,
    hint: "Check the message's attributes and the topic's policies.",
    details: { topicArn, awsError: code },
  })
}
