import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import type { ApiAnswer } from '../wire/api-service.ts'
import { applicationRoute } from './application-routes.ts'
import { parsePolicy } from './policy/policy-document.ts'
import { PolicySet } from './policy/policy-set.ts'
import { type Account, applicationArn, type Identity } from './principal.ts'
import { decodeSigned, encodeSigned } from './signed-token.ts'

const linkPurpose = 'millrace dashboard link'
const sessionPurpose = 'millrace dashboard session'
const cookieName = 'millrace-flink'
const parameterName = 'link'
/** Within this time a link has to be opened, as at AWS. */
const linkLifeMs = 180_000

interface Link {
  readonly app: string
  readonly until: number
  readonly sessionSeconds: number
}

interface Session {
  readonly app: string
  readonly until: number
}

/**
 * Presigned URLs of an application's monitoring pages. A link holds for three minutes; opening it gives the browser a cookie
 * that holds for the session, for this application alone, and only for reading. Nothing is stored.
 */
export class DashboardLinks {
  readonly #key: () => Buffer
  readonly #account: Account
  readonly #clock: Clock

  /** `key` signs links and cookies. */
  constructor(key: () => Buffer, account: Account, clock: Clock) {
    this.#key = key
    this.#account = account
    this.#clock = clock
  }

  /** Path and query of a link. */
  presign(applicationName: string, sessionSeconds: number): string {
    const link: Link = { app: applicationName, until: this.#clock.now() + linkLifeMs, sessionSeconds }
    return `/apps/${applicationName}/flink/?${parameterName}=${encodeSigned(this.#key(), linkPurpose, link)}`
  }

  /**
   * The page that sets the cookie, for a request that opens a link; who has a session, for one with a cookie; undefined
   * for what is neither. Errors: `AccessDeniedException` (403) for a link or session that doesn't hold (here).
   */
  admit(
    method: string,
    target: string,
    headers: IncomingHttpHeaders,
    isSecure: boolean,
  ): ApiAnswer | Identity | undefined {
    const route = applicationRoute(target)
    if (route?.part !== 'flink') return undefined
    const token = new URL(target, 'http://localhost').searchParams.get(parameterName)
    if (token !== null && method === 'GET') return this.#open(token, route.applicationName, isSecure)
    const cookie = cookieOf(headers)
    return cookie === undefined ? undefined : this.#continue(cookie, route.applicationName, method)
  }

  #open(token: string, applicationName: string, isSecure: boolean): ApiAnswer {
    const link = decodeSigned(this.#key(), linkPurpose, token) as Link | undefined
    if (link === undefined || link.app !== applicationName) throw refused('This link is not one of this application.')
    if (this.#clock.now() > link.until) throw refused('This link has expired: it has to be opened within 3 minutes.')
    const session: Session = { app: link.app, until: this.#clock.now() + link.sessionSeconds * 1000 }
    const path = `/apps/${applicationName}/flink`
    const cookie = [
      `${cookieName}=${encodeSigned(this.#key(), sessionPurpose, session)}`,
      `Path=${path}`,
      `Max-Age=${link.sessionSeconds}`,
      'HttpOnly',
      'SameSite=Strict',
      ...(isSecure ? ['Secure'] : []),
    ].join('; ')
    // Not a redirect: after one from another site a browser keeps a strict cookie back.
    const body = `<!doctype html><meta http-equiv="refresh" content="0; url=${path}/"><a href="${path}/">Go on</a>\n`
    const privacy = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }
    return { status: 200, contentType: 'text/html; charset=utf-8', body, headers: { 'set-cookie': cookie, ...privacy } }
  }

  #continue(cookie: string, applicationName: string, method: string): Identity {
    const session = decodeSigned(this.#key(), sessionPurpose, cookie) as Session | undefined
    if (session === undefined || session.app !== applicationName) {
      throw refused('This session is not one of this application.')
    }
    if (this.#clock.now() > session.until) throw refused('This session has ended: ask for another link.')
    if (method !== 'GET' && method !== 'HEAD') throw refused('A session of a presigned URL may only read.')
    return this.#identity(applicationName)
  }

  #identity(applicationName: string): Identity {
    const resource = applicationArn(this.#account, applicationName)
    const statement = { Effect: 'Allow', Action: 'millrace:ReadMonitoring', Resource: resource }
    const arn = `${resource}/presigned-url`
    return {
      principal: { kind: 'link', arn, name: applicationName, accessKeyId: '' },
      policies: new PolicySet(parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statement }))),
      tags: {},
      conditionArn: arn,
    }
  }
}

function cookieOf({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  for (const pair of cookie.split(';')) {
    const [name, value] = pair.trim().split('=')
    if (name === cookieName && value !== undefined) return value
  }
  return undefined
}

function refused(message: string): ApiError {
  return new ApiError('AccessDeniedException', message, 403)
}
