import type { SNSClient } from '@aws-sdk/client-sns'
import { EngineError } from '@millrace/engine/spi'
import type { AwsOptions } from '../aws/aws-options.ts'
import { unaryClientConfig } from '../aws/client-config.ts'

/** A message ready to be sent. */
export interface SnsMessage {
  readonly body: string
  readonly subject: string | undefined
  /** String attributes, the id among them. */
  readonly attributes: Readonly<Record<string, string>>
  /** Both for `.fifo` topics only. */
  readonly groupId: string | undefined
  readonly deduplicationId: string | undefined
}

/** Why the service didn't take one message of a batch. */
export interface SnsFailure {
  /** Index in the batch. */
  readonly index: number
  readonly code: string
  readonly message: string
  /** Sending it again is useless. */
  readonly senderFault: boolean
}

/** What the sink needs of SNS. */
export interface SnsApi {
  /** Gets ready, so that the first call doesn't take longer than the others. */
  open(): Promise<void>
  /** Sends up to ten messages; gives those that weren't taken. Throws when the whole request failed. */
  publishBatch(messages: readonly SnsMessage[], signal: AbortSignal): Promise<readonly SnsFailure[]>
  close(): void
}

type Sdk = typeof import('@aws-sdk/client-sns')

/** SNS through the AWS SDK, over kept HTTP connections. The SDK is loaded and its client made by `open`. */
export class SdkSnsApi implements SnsApi {
  readonly #topicArn: string
  readonly #options: AwsOptions
  #loaded: Promise<{ sdk: Sdk; client: SNSClient }> | undefined
  #closed = false

  constructor(topicArn: string, options: AwsOptions) {
    this.#topicArn = topicArn
    this.#options = options
  }

  async open(): Promise<void> {
    await this.#load()
  }

  async publishBatch(messages: readonly SnsMessage[], signal: AbortSignal): Promise<readonly SnsFailure[]> {
    const { sdk, client } = await this.#load()
    const command = new sdk.PublishBatchCommand({
      TopicArn: this.#topicArn,
      PublishBatchRequestEntries: messages.map((message, index) => ({
        Id: String(index),
        Message: message.body,
        Subject: message.subject,
        MessageAttributes: Object.fromEntries(
          Object.entries(message.attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
        ),
        MessageGroupId: message.groupId,
        MessageDeduplicationId: message.deduplicationId,
      })),
    })
    const { Failed, Successful } = await client.send(command, { abortSignal: signal })
    const failures = (Failed ?? []).map(({ Id, Code, Message, SenderFault }) => ({
      index: Number(Id),
      code: Code ?? 'unknown',
      message: Message ?? '',
      senderFault: SenderFault ?? false,
    }))
    if ((Successful?.length ?? 0) + failures.length === messages.length) return failures
    throw new EngineError('SNS_ANSWER_INCOMPLETE', {
      kind: 'unavailable',
      message: `SNS answered for ${(Successful?.length ?? 0) + failures.length} of ${messages.length} messages.`,
      hint: 'Check that the endpoint speaks the SNS API.',
    })
  }

  close(): void {
    this.#closed = true
    this.#loaded?.then(({ client }) => client.destroy()).catch(() => {})
  }

  #load(): Promise<{ sdk: Sdk; client: SNSClient }> {
    if (this.#closed) {
      throw new EngineError('SNS_CLIENT_CLOSED', { kind: 'unavailable', message: 'The SNS client is closed.' })
    }
    this.#loaded ??= import('@aws-sdk/client-sns').then((sdk) => ({
      sdk,
      client: new sdk.SNSClient(unaryClientConfig('SNS', this.#options, this.#topicArn)),
    }))
    return this.#loaded
  }
}
