/**
 * A small seeded generator of random numbers (xoshiro128**, its state filled by splitmix32). TensorFlow.js can seed
 * neither its shuffle nor, usefully, its dropout; with this, one seed gives one model, on every machine and backend.
 */

/** A stream of random numbers. */
export class Random {
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: number) {
    // Both halves of a seed above 2³² count.
    let state = (seed | 0) ^ Math.imul(Math.floor(seed / 4294967296), 0x9e3779b1)
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0
      let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.a = next()
    this.b = next()
    this.c = next()
    this.d = next()
  }

  /** An integer of 32 random bits, not negative. */
  uint32(): number {
    const { a, b, c } = this
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const c2 = c ^ a
    const d2 = this.d ^ b
    this.b = b ^ c2
    this.a = a ^ d2
    this.c = c2 ^ (b << 9)
    this.d = (d2 << 11) | (d2 >>> 21)
    return result >>> 0
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 4294967296) * limit)
  }

  /** Puts an array's elements into random order, in place. */
  shuffle(array: Int32Array): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const value = array[i] as number // i and j are within the array
      array[i] = array[j] as number
      array[j] = value
    }
  }
}
