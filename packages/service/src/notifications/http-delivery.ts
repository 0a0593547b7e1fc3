import { Agent, request } from 'node:http'
import type { Scheduler } from '@millrace/engine/spi'

/** What a subscriber's server said: took it, may take it later, or never will. */
export type DeliveryOutcome = 'delivered' | 'retry' | 'refused'

const timeoutMs = 15_000

/** Posts to subscribers over connections that are kept open. */
export class HttpDelivery {
  readonly #scheduler: Scheduler
  readonly #agent = new Agent({ keepAlive: true, noDelay: true, maxSockets: 32, maxFreeSockets: 32 })

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Resolves when the answer's status is there; 15 s without one count as a failure. Never rejects. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<DeliveryOutcome> {
    return new Promise((resolve) => {
      const length = Buffer.byteLength(body)
      const post = request(url, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...headers, 'content-length': length },
      })
      const timer = this.#scheduler.after(timeoutMs, () => post.destroy(new Error('no answer')))
      const done = (outcome: DeliveryOutcome) => {
        timer.cancel()
        resolve(outcome)
      }
      post.once('response', (response) => {
        response.on('error', () => {})
        response.resume()
        done(outcomeOf(response.statusCode ?? 500))
      })
      post.on('error', () => done('retry'))
      post.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function outcomeOf(status: number): DeliveryOutcome {
  if (status < 300) return 'delivered'
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'refused' : 'retry'
}
