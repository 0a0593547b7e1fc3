import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'
import { type LogFiles, replaceFile } from '../ingest/log-files.ts'

export interface Topic {
  readonly arn: string
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
}

export interface TopicSubscription {
  readonly arn: string
  readonly topicArn: string
  /** Where messages are posted: an `http:` URL. */
  readonly endpoint: string
  readonly isRaw: boolean
  readonly isConfirmed: boolean
  /** Who has it may confirm. */
  readonly token: string
}

interface StoredTopics {
  readonly formatVersion: 1
  readonly topics: readonly Topic[]
  readonly subscriptions: readonly TopicSubscription[]
}

/** Topics and subscriptions, in memory and in one file that is replaced at every change. */
export class TopicStore {
  readonly #path: string
  readonly #files: LogFiles
  readonly #topics = new Map<string, Topic>()
  readonly #subscriptions = new Map<string, TopicSubscription>()
  #lastSave: Promise<void> = Promise.resolve()

  private constructor(path: string, files: LogFiles) {
    this.#path = path
    this.#files = files
  }

  /** Errors: `TOPICS_CORRUPT`. */
  static async open(directory: string, files: LogFiles): Promise<TopicStore> {
    const store = new TopicStore(join(directory, 'topics.json'), files)
    const bytes = await files.readFile(store.#path)
    if (bytes === undefined) return store
    const stored = decode(bytes, store.#path)
    for (const topic of stored.topics) store.#topics.set(topic.arn, topic)
    for (const subscription of stored.subscriptions) store.#subscriptions.set(subscription.arn, subscription)
    return store
  }

  topic(arn: string): Topic | undefined {
    return this.#topics.get(arn)
  }

  topics(): Topic[] {
    return [...this.#topics.values()]
  }

  subscription(arn: string): TopicSubscription | undefined {
    return this.#subscriptions.get(arn)
  }

  subscriptionsOf(topicArn: string): TopicSubscription[] {
    return [...this.#subscriptions.values()].filter((one) => one.topicArn === topicArn)
  }

  putTopic(topic: Topic): Promise<void> {
    this.#topics.set(topic.arn, topic)
    return this.#save()
  }

  /** Removes the topic and its subscriptions. */
  deleteTopic(arn: string): Promise<void> {
    this.#topics.delete(arn)
    for (const { arn: subscription } of this.subscriptionsOf(arn)) this.#subscriptions.delete(subscription)
    return this.#save()
  }

  putSubscription(subscription: TopicSubscription): Promise<void> {
    this.#subscriptions.set(subscription.arn, subscription)
    return this.#save()
  }

  deleteSubscription(arn: string): Promise<void> {
    this.#subscriptions.delete(arn)
    return this.#save()
  }

  async close(): Promise<void> {
    await this.#lastSave
  }

  async #save(): Promise<void> {
    const stored: StoredTopics = {
      formatVersion: 1,
      topics: this.topics(),
      subscriptions: [...this.#subscriptions.values()],
    }
    const bytes = Buffer.from(`${JSON.stringify(stored, null, 2)}\n`)
    const save = this.#lastSave.then(() => replaceFile(this.#files, this.#path, bytes))
    this.#lastSave = save.catch(() => {})
    await save
  }
}

function decode(bytes: Buffer, path: string): StoredTopics {
  try {
    const stored = JSON.parse(bytes.toString('utf8')) as StoredTopics
    if (stored.formatVersion === 1) return stored
  } catch (cause) {
    throw corrupt(path, cause)
  }
  throw corrupt(path)
}

function corrupt(path: string, cause?: unknown): EngineError {
  return new EngineError('TOPICS_CORRUPT', {
    kind: 'corrupt',
    message: `${path} is not readable, or of another version.`,
    hint: 'Restore the file from a backup, or remove it to start without topics.',
    details: { path },
    cause,
  })
}
