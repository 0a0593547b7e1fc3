import { BlockList, isIP } from 'node:net'

/** Whether an address lies in a range; both of one family, as an address or in CIDR notation. */
export interface IpRange {
  contains(address: string): boolean
}

/** Undefined when `text` is neither an address nor a range. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return undefined
  const bits = family === 4 ? 32 : 128
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(address, prefix === undefined ? bits : Number(prefix), type)
  return {
    contains: (other) => isIP(other) === family && list.check(other, type),
  }
}

/** An IPv4 address that came over an IPv6 socket, as what it is. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped === null ? address : mapped[1]!
}
