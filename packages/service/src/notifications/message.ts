/** A message attribute; a binary value is base64. */
export interface MessageAttribute {
  readonly name: string
  readonly type: string
  readonly value: string
}

/** A published message, as it is kept until everybody has it. */
export interface Message {
  readonly id: string
  readonly topicArn: string
  readonly subject: string | undefined
  /** What HTTP subscribers get. */
  readonly text: string
  readonly attributes: readonly MessageAttribute[]
  readonly publishedMs: number
  readonly groupId: string | undefined
  /** Set on FIFO topics, also when it was made from the content. */
  readonly deduplicationId: string | undefined
  /** ARNs of the subscriptions that were confirmed when it was published. */
  readonly targets: readonly string[]
}
