import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An alert as it arrived. */
export interface Alert {
  /** `shard:sequenceNumber` of the flagged record. */
  readonly id: string
  /** When its HTTP request arrived, on the monotonic clock. */
  readonly atMs: number
}

export interface AlertReceiverParts {
  readonly onAlert: (alert: Alert) => void
  /** SNS asks whether the subscription is wanted. */
  readonly onConfirmation: (topicArn: string, token: string) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** The HTTP endpoint that SNS delivers alerts to. */
export class AlertReceiver {
  readonly #server: Server
  readonly #parts: AlertReceiverParts

  constructor(parts: AlertReceiverParts) {
    this.#parts = parts
    this.#server = createServer((request, response) => {
      const atMs = parts.now()
      readText(request).then(
        (text) => {
          response.end()
          this.#take(text, atMs)
        },
        () => response.destroy(),
      )
    })
  }

  /** The URL to subscribe. `port` 0 takes a free one. */
  async listen(host = '127.0.0.1', port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
    return `http://${host}:${(this.#server.address() as AddressInfo).port}/alerts`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(text: string, atMs: number): void {
    const document = JSON.parse(text) as {
      Type?: string
      TopicArn?: string
      Token?: string
      Message?: string
      MessageAttributes?: { id?: { Value?: string } }
    }
    if (document.Type === 'SubscriptionConfirmation') {
      this.#parts.onConfirmation(document.TopicArn ?? '', document.Token ?? '')
    } else if (document.Type === 'Notification') {
      const id = document.MessageAttributes?.id?.Value ?? (JSON.parse(document.Message ?? '{}') as { id?: string }).id
      if (id !== undefined) this.#parts.onAlert({ id, atMs })
    }
  }
}

const MOST_BYTES = 1 << 20

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > MOST_BYTES) throw new Error('too large for a notification')
  }
  return Buffer.concat(chunks).toString('utf8')
}
