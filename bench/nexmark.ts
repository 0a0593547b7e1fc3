/**
 * Nexmark's stream of auctions: event number n is a pure function of the seed and n, so any division of the numbers
 * over subtasks gives the same events, and any engine can make the same ones.
 */

export interface Person {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}

export interface Auction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface Bid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}

export type NexmarkEvent =
  | { readonly kind: 'person'; readonly person: Person }
  | { readonly kind: 'auction'; readonly auction: Auction }
  | { readonly kind: 'bid'; readonly bid: Bid }

export interface NexmarkSettings {
  readonly seed?: number
  /** Events a second of event time. */
  readonly rate?: number
  /** Event time of event 0, epoch ms. */
  readonly baseTimeMs?: number
}

const POOL = 65_536
const CHANNELS = 10_000
const PRICE_STEP = 1.0033786221027048
const FIRST_NAMES = 'Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter'.split(',')
const LAST_NAMES = 'Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris'.split(',')
const CITIES = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',')
const STATES = 'AZ,CA,ID,OR,WA,WY'.split(',')
const HOT_CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple']

/** Answers with a function from event numbers to events. Of 50 events one is a person, three are auctions, the rest bids. */
export function nexmark(settings: NexmarkSettings = {}): (index: number) => NexmarkEvent {
  const { seed = 1, rate = 10_000, baseTimeMs = 1_767_225_600_000 } = settings
  const draw = new Draw(seed)
  const timeMs = (n: number): number => baseTimeMs + Math.floor((n * 1000) / rate)

  const person = (n: number, dateTime: number): Person => {
    const name = `${FIRST_NAMES[draw.below(11)]} ${LAST_NAMES[draw.below(9)]}`
    const emailAddress = `${draw.word(7)}@${draw.word(5)}.com`
    const creditCard = Array.from({ length: 4 }, () => String(draw.below(10_000)).padStart(4, '0')).join(' ')
    const city = CITIES[draw.below(10)] as string
    const state = STATES[draw.below(6)] as string
    const extra = draw.extra(8 + name.length + emailAddress.length + 19 + city.length + 2, 200)
    return { id: 1000 + Math.floor(n / 50), name, emailAddress, creditCard, city, state, dateTime, extra }
  }
  const auction = (n: number, dateTime: number): Auction => {
    const epoch = Math.floor(n / 50)
    const seller = 1000 + (draw.below(4) > 0 ? hundreds(epoch) : draw.anyPerson(epoch))
    const category = 10 + draw.below(5)
    const initialBid = draw.price()
    const expires = dateTime + 1 + draw.below(Math.max(2 * (timeMs(n + 1666) - dateTime), 1))
    const itemName = draw.word(20)
    const description = draw.word(100)
    const reserve = initialBid + draw.price()
    const extra = draw.extra(48 + itemName.length + description.length, 500)
    const id = 1000 + lastAuction(n)
    return { id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra }
  }
  const bid = (n: number, dateTime: number): Bid => {
    const epoch = Math.floor(n / 50)
    const last = lastAuction(n)
    const oldest = Math.max(last - 100, 0)
    const auction = 1000 + (draw.below(2) > 0 ? hundreds(last) : oldest + draw.below(last - oldest + 11))
    const bidder = 1000 + (draw.below(4) > 0 ? hundreds(epoch) + 1 : draw.anyPerson(epoch))
    const price = draw.price()
    const { channel, url } = draw.channel()
    return { auction, bidder, price, channel, url, dateTime, extra: draw.extra(32, 100) }
  }
  return (n) => {
    draw.startAt(n)
    const place = n % 50
    if (place === 0) return { kind: 'person', person: person(n, timeMs(n)) }
    if (place < 4) return { kind: 'auction', auction: auction(n, timeMs(n)) }
    return { kind: 'bid', bid: bid(n, timeMs(n)) }
  }
}

/** Seeded draws of everything an event is made of, from tables made once. */
class Draw {
  readonly #seed: number
  readonly #letters: string
  readonly #words: string
  readonly #prices: number[] = [100]
  readonly #hotUrls: readonly string[]
  readonly #urls: readonly string[]
  #state = 0

  constructor(seed: number) {
    this.#seed = seed
    const letter = (): string => String.fromCharCode(97 + this.below(26))
    this.#state = mix(seed ^ 1)
    this.#letters = Array.from({ length: POOL }, letter).join('')
    this.#state = mix(seed ^ 2)
    this.#words = Array.from({ length: POOL }, () => (this.below(13) === 0 ? ' ' : letter())).join('')
    for (let i = 1; i < 4096; i++) this.#prices.push((this.#prices[i - 1] as number) * PRICE_STEP)
    this.#state = mix(seed ^ 3)
    this.#hotUrls = HOT_CHANNELS.map(() => this.#baseUrl())
    this.#urls = Array.from({ length: CHANNELS }, (_, i) => {
      const url = this.#baseUrl()
      return this.below(10) > 0 ? `${url}&channel_id=${Math.imul(i, 0x9e3779b1) >>> 1}` : url
    })
  }

  /** Event n draws from here. */
  startAt(n: number): void {
    this.#state = mix((mix(((n >>> 0) ^ this.#seed) | 0) + Math.floor(n / 4_294_967_296)) | 0)
  }

  below(limit: number): number {
    return Math.floor((this.#next() * limit) / 4_294_967_296)
  }

  word(longest: number): string {
    const length = 3 + this.below(longest - 3)
    const at = this.below(POOL - length)
    return this.#words.slice(at, at + length).replace(/^ +| +$/g, '')
  }

  /** Spread evenly over the logarithms from 100 to 10^8. */
  price(): number {
    const chance = this.#next()
    const within = 1 + ((PRICE_STEP - 1) * (chance & 0xfffff)) / 1_048_576
    return Math.floor((this.#prices[chance >>> 20] as number) * within + 0.5)
  }

  channel(): { readonly channel: string; readonly url: string } {
    const hot = this.below(2) > 0
    const i = this.below(hot ? 4 : CHANNELS)
    if (hot) return { channel: HOT_CHANNELS[i] as string, url: this.#hotUrls[i] as string }
    return { channel: `channel-${i}`, url: this.#urls[i] as string }
  }

  anyPerson(epoch: number): number {
    const people = epoch + 1
    const active = Math.min(people, 1000)
    return people - active + this.below(active + 10)
  }

  /** Letters that bring an event near its average size. */
  extra(used: number, average: number): string {
    const want = average - used
    if (want <= 0) return ''
    const delta = Math.floor((2 * want + 5) / 10)
    const size = want - delta + (delta === 0 ? 0 : this.below(2 * delta))
    const at = this.below(POOL - size)
    return this.#letters.slice(at, at + size)
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return mix(this.#state)
  }

  #baseUrl(): string {
    const folder = (): string => `${this.word(5).replaceAll(' ', '_')}/`
    return `https://www.nexmark.com/${folder()}${folder()}${folder()}item.htm?query=1`
  }
}

function mix(value: number): number {
  let z = Math.imul(value ^ (value >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

const hundreds = (id: number): number => Math.floor(id / 100) * 100

function lastAuction(n: number): number {
  const epoch = Math.floor(n / 50)
  const place = n % 50
  return place === 0 ? epoch * 3 - 1 : epoch * 3 + Math.min(place - 1, 2)
}
