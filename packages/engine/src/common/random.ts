/** Where chance comes from. Handed in everywhere: same seed, same run. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution at least. */
  next(): number
  /** Uniform whole number, both ends included. */
  int(min: number, max: number): number
}

/** A small seeded generator (mulberry32, public domain); not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
  return { next, int: (min, max) => min + Math.floor(next() * (max - min + 1)) }
}

/** Chance from the machine, for production. */
export const systemRandom: Random = {
  next: () => Math.random(),
  int: (min, max) => min + Math.floor(Math.random() * (max - min + 1)),
}
