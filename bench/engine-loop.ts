import { isCharged, makeLines, makePayments, type Payment, POOL, toCharge, withFee } from './engine-work.ts'

/*
 * What somebody would write by hand for the same work. Arguments: `count` or `json`, records to warm up, records that
 * count. Prints the processor time of the latter in ms.
 */

let taken = 0
/** Stands for a sink: takes what comes so that nothing is optimised away. */
const sink = { take: (_value: unknown): void => void taken++ }

function countLoop(): (records: number) => void {
  const payments = makePayments()
  const counts = new Map<string, number>()
  return (records) => {
    for (let i = 0; i < records; i++) {
      const charge = toCharge(payments[i & (POOL - 1)] as Payment)
      if (!isCharged(charge)) continue
      const { card } = charge
      const count = (counts.get(card) ?? 0) + 1
      counts.set(card, count)
      sink.take({ card, count })
    }
  }
}

function jsonLoop(): (records: number) => void {
  const lines = makeLines()
  return (records) => {
    for (let i = 0; i < records; i++) {
      const payment = JSON.parse((lines[i & (POOL - 1)] as Buffer).toString()) as Payment
      if (isCharged(payment)) sink.take(Buffer.from(JSON.stringify(withFee(payment))))
    }
  }
}

const [kind, warmUp, records] = process.argv.slice(2)
const loop = kind === 'json' ? jsonLoop() : countLoop()
loop(Number(warmUp))
const before = process.cpuUsage()
loop(Number(records))
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000, taken })}\n`)
