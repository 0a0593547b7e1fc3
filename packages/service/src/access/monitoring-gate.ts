import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { plainAddress } from './policy/ip-range.ts'
import { loadOrCreateSecretFile } from './secret-file.ts'

/**
 * Who may ask for `/healthz` and `/metrics`: anybody on this machine, from elsewhere who has the token in
 * `monitoring-token` (`Authorization: Bearer TOKEN`). What came through a proxy counts as from elsewhere.
 */
export class MonitoringGate {
  readonly #token: Buffer

  constructor(token: string) {
    this.#token = Buffer.from(token)
  }

  /** With the token in the data directory, mode 0600, made at the first start. */
  static async open(directory: string): Promise<MonitoringGate> {
    const path = join(directory, 'monitoring-token')
    return new MonitoringGate(
      (await loadOrCreateSecretFile(path, () => `${randomBytes(24).toString('base64url')}\n`)).trim(),
    )
  }

  admits(headers: IncomingHttpHeaders, sourceIp: string): boolean {
    if (isOfThisMachine(headers, sourceIp)) return true
    const given = Buffer.from(/^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '')
    return given.length === this.#token.length && timingSafeEqual(given, this.#token)
  }
}

/** Whether a request comes from this machine itself: what came through a proxy counts as from elsewhere. */
export function isOfThisMachine(headers: IncomingHttpHeaders, sourceIp: string): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined
  return !isForwarded && isLoopback(sourceIp)
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain)
}
