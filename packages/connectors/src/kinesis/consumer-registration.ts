import { createHash } from 'node:crypto'
import { EngineError } from '@millrace/engine/spi'
import { awsFailure, classifyAwsError } from '../aws/aws-errors.ts'
import { sleepUnlessAborted } from '../aws/backoff.ts'
import { type RetrySurroundings, retrying } from '../aws/retry.ts'
import type { ConsumerDescription, KinesisApi } from './kinesis-api.ts'

const firstPauseMs = 100
const maxPauseMs = 5_000
const deregistrationTimeoutMs = 10_000

const longestName = 128
const digestCharacters = 16

/**
 * A fan-out consumer's name made of what it belongs to, within the service's alphabet and length. One that was longer
 * ends in a digest of the whole: consumers that share a name take each other's subscriptions.
 */
export function defaultConsumerName(applicationName: string, operatorId: string): string {
  const whole = `millrace-${applicationName}-${operatorId}`
  const name = whole.replace(/[^a-zA-Z0-9_.-]/g, '-')
  if (name.length <= longestName) return name
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, digestCharacters)
  return `${name.slice(0, longestName - digestCharacters - 1)}-${digest}`
}

/** Registers, awaits and deregisters the fan-out consumer. */
export class ConsumerRegistration {
  readonly #api: KinesisApi
  readonly #around: RetrySurroundings
  readonly #unavailableAfterMs: number
  readonly #streamArn: string
  readonly #name: string
  readonly #lifecycle: 'job-managed' | 'self-managed'
  #arn: string | undefined

  constructor(
    api: KinesisApi,
    around: RetrySurroundings,
    settings: {
      readonly unavailableAfterMs: number
      readonly streamArn: string
      readonly name: string
      readonly lifecycle: 'job-managed' | 'self-managed'
    },
  ) {
    this.#api = api
    this.#around = around
    this.#unavailableAfterMs = settings.unavailableAfterMs
    this.#streamArn = settings.streamArn
    this.#name = settings.name
    this.#lifecycle = settings.lifecycle
  }

  /**
   * The consumer's ARN once it is ACTIVE. A job-managed one is registered when it isn't there; one that an earlier
   * attempt left behind serves as well.
   */
  async ready(): Promise<string> {
    let pauseMs = firstPauseMs
    const givenUpMs = this.#around.clock.monotonicMs() + this.#unavailableAfterMs
    for (;;) {
      const consumer = await this.#find()
      if (consumer?.status === 'ACTIVE') {
        this.#arn = consumer.consumerArn
        return consumer.consumerArn
      }
      if (this.#around.clock.monotonicMs() > givenUpMs) throw this.#notActive(consumer?.status)
      await sleepUnlessAborted(this.#around.scheduler, pauseMs, this.#around.signal)
      pauseMs = Math.min(maxPauseMs, pauseMs * 2)
    }
  }

  /** Deregisters a job-managed consumer: the job has ended. Gives up after ten seconds; failing is no error of the job's. */
  async deregister(scheduler: RetrySurroundings['scheduler']): Promise<'done' | 'failed'> {
    const arn = this.#arn
    if (arn === undefined || this.#lifecycle === 'self-managed') return 'done'
    return new Promise((resolve) => {
      const timer = scheduler.after(deregistrationTimeoutMs, () => resolve('failed'))
      this.#api
        .deregisterConsumer(arn)
        .then(
          () => resolve('done'),
          (error: unknown) => resolve(classifyAwsError(error) === 'missing' ? 'done' : 'failed'),
        )
        .finally(() => timer.cancel())
    })
  }

  /** The consumer, or undefined while one of that name is going away. */
  async #find(): Promise<ConsumerDescription | undefined> {
    const known = await this.#described()
    if (known !== undefined) return known
    if (this.#lifecycle === 'self-managed') throw this.#missing()
    return this.#call('Registering the fan-out consumer', async () => {
      try {
        return await this.#api.registerConsumer(this.#streamArn, this.#name)
      } catch (error) {
        // Another attempt was faster, or the old one is still DELETING: look again.
        if (classifyAwsError(error) === 'in-use') return undefined
        throw error
      }
    })
  }

  #described(): Promise<ConsumerDescription | undefined> {
    return this.#call('Describing the fan-out consumer', async () => {
      try {
        return await this.#api.describeConsumer(this.#streamArn, this.#name)
      } catch (error) {
        if (classifyAwsError(error) === 'missing') return undefined
        throw error
      }
    })
  }

  #call<V>(what: string, call: () => Promise<V>): Promise<V> {
    return retrying(this.#around, `${what} '${this.#name}'`, this.#unavailableAfterMs, call)
  }

  #missing(): EngineError {
    return new EngineError('KINESIS_CONSUMER_MISSING', {
      kind: 'invalid',
      message: `The stream has no fan-out consumer '${this.#name}'.`,
      hint: "Register it, or set consumerLifecycle: 'job-managed'.",
      details: { streamArn: this.#streamArn, consumerName: this.#name },
    })
  }

  #notActive(status: string | undefined): EngineError {
    const problem = new Error(`the consumer is ${status ?? 'neither there nor to be registered'}`)
    return awsFailure(`Waiting for the fan-out consumer '${this.#name}' to be ACTIVE`, problem)
  }
}
