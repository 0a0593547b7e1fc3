import { type KeyObject, sign } from 'node:crypto'
import type { Message } from './message.ts'
import type { TopicSubscription } from './topic-store.ts'

const signedNames = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const

/** The JSON body of a notification as AWS posts it. */
export function notificationDocument(
  message: Message,
  subscription: TopicSubscription,
  key: KeyObject,
  baseUrl: string,
): string {
  const attributes = message.attributes.map(({ name, type, value }) => [name, { Type: type, Value: value }] as const)
  return signed('Notification', key, baseUrl, {
    Type: 'Notification',
    MessageId: message.id,
    TopicArn: message.topicArn,
    ...(message.subject === undefined ? {} : { Subject: message.subject }),
    Message: message.text,
    Timestamp: new Date(message.publishedMs).toISOString(),
    UnsubscribeURL: `${baseUrl}/?Action=Unsubscribe&SubscriptionArn=${encodeURIComponent(subscription.arn)}`,
    ...(attributes.length === 0 ? {} : { MessageAttributes: Object.fromEntries(attributes) }),
  })
}

/** The JSON body that asks a new subscriber to confirm. */
export function confirmationDocument(
  messageId: string,
  subscription: TopicSubscription,
  key: KeyObject,
  baseUrl: string,
  nowMs: number,
): string {
  const { topicArn, token } = subscription
  const query = `Action=ConfirmSubscription&TopicArn=${encodeURIComponent(topicArn)}&Token=${token}`
  return signed('SubscriptionConfirmation', key, baseUrl, {
    Type: 'SubscriptionConfirmation',
    MessageId: messageId,
    Token: token,
    TopicArn: topicArn,
    Message:
      `You have chosen to subscribe to the topic ${topicArn}.\n` +
      'To confirm the subscription, visit the SubscribeURL included in this message.',
    SubscribeURL: `${baseUrl}/?${query}`,
    Timestamp: new Date(nowMs).toISOString(),
  })
}

function signed(
  type: keyof typeof signedNames,
  key: KeyObject,
  baseUrl: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  let text = ''
  for (const name of signedNames[type]) if (fields[name] !== undefined) text += `${name}\n${fields[name]}\n`
  // Signature version 2: SHA-256 with RSA. Not in libuv's pool: four syncs of a slow disk fill it, and a notification would
  // wait for the disk. It takes about 0.2 ms, as much as the request that carries it.
  const signature = sign('sha256', Buffer.from(text), key)
  return JSON.stringify({
    ...fields,
    SignatureVersion: '2',
    Signature: signature.toString('base64'),
    SigningCertURL: `${baseUrl}${certificatePath}`,
  })
}

/** Where the endpoint serves the certificate. */
export const certificatePath = '/sns/signing-certificate.pem'
