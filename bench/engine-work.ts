/** What engine and hand-written loop both do to each record, and the records themselves. */

export interface Payment {
  readonly id: number
  readonly card: string
  readonly merchant: string
  readonly amountCents: number
  readonly timestampMs: number
  readonly lat: number
  readonly lon: number
}

/** A payment as the count sees it. */
export interface Charge {
  readonly card: string
  readonly amountCents: number
  readonly feeCents: number
}

export interface CardCount {
  readonly card: string
  readonly count: number
}

/** Records come in turns from so many made before the clock runs. A power of two. */
export const POOL = 8192
const CARDS = 5000

/** The pool; payment i of the stream is the one at i modulo POOL. */
export function makePayments(): Payment[] {
  return Array.from({ length: POOL }, (_, i) => ({
    id: i,
    card: `card-${String((i * 7919) % CARDS).padStart(6, '0')}`,
    merchant: `merchant-${i % 500}`,
    amountCents: (i * 104_729) % 90_000,
    timestampMs: 1_767_225_600_000 + i,
    lat: 50 + (i % 1000) / 1000,
    lon: 8 + (i % 999) / 999,
  }))
}

/** The same as lines of JSON in UTF-8. */
export function makeLines(): Buffer[] {
  return makePayments().map((payment) => Buffer.from(JSON.stringify(payment)))
}

export const toCharge = ({ card, amountCents }: Payment): Charge => ({
  card,
  amountCents,
  feeCents: (amountCents * 3) / 100,
})

/** Keeps nine of ten. */
export const isCharged = ({ amountCents }: Charge | Payment): boolean => amountCents >= 9000

/** What goes out as JSON. */
export const withFee = (payment: Payment): Payment & { readonly feeCents: number } => ({
  ...payment,
  feeCents: (payment.amountCents * 3) / 100,
})
