import type { IncomingMessage } from 'node:http'
import type { Clock } from '@millrace/engine/spi'
import { ApiError } from './api-error.ts'
import type { WatchedExchange } from './connection-watch.ts'
import type { MemoryBudget } from './memory-budget.ts'

/** A request's body and the memory it holds in the budget until `release`. */
export interface ReadBody {
  readonly bytes: Buffer
  release(): void
}

/** The client went away before its request was whole: nobody is left to answer. */
export class ClientGoneError extends Error {}

/**
 * Collects a body of at most `maxBytes`.
 * Errors: `RequestEntityTooLarge` (413), `ServiceUnavailableException` (503, the budget is used up); a peer that goes
 * away is a `ClientGoneError`.
 */
export function readBody(
  exchange: WatchedExchange,
  maxBytes: number,
  budget: MemoryBudget,
  clock: Clock,
): Promise<ReadBody> {
  const { request } = exchange
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const fail = (error: Error) => {
      budget.release(length)
      chunks.length = 0
      length = 0
      detach()
      request.on('error', ignoreLateError)
      reject(error)
    }
    const onData = (chunk: Buffer) => {
      exchange.progressMs = clock.monotonicMs()
      if (length + chunk.length > maxBytes) return fail(tooLarge(maxBytes))
      if (!budget.tryReserve(chunk.length, length)) return fail(overloaded())
      length += chunk.length
      chunks.push(chunk)
    }
    const onEnd = () => {
      exchange.bodyDone = true
      exchange.progressMs = clock.monotonicMs()
      detach()
      request.on('error', ignoreLateError)
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)
      resolve({ bytes, release: () => budget.release(length) })
    }
    const onClose = () => fail(new ClientGoneError())
    const detach = () => {
      request.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose).off('aborted', onClose)
    }
    if (declaredLength(request) > maxBytes) return reject(tooLarge(maxBytes))
    request.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose).on('aborted', onClose)
  })
}

function declaredLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0)
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `The request body is larger than ${maxBytes} bytes.`, 413)
}

function overloaded(): ApiError {
  return new ApiError('ServiceUnavailableException', 'Too much data is in flight. Try again.', 503)
}

function ignoreLateError(): void {}
