/**
 * A small seeded generator of random numbers (xoshiro128**, its state filled by splitmix32). TensorFlow.js can't seed
 * its shuffling, nor usefully its dropout. With this generator, the same seed gives the same model on every machine and
 * backend.
 */

/** A stream of random numbers. */
export class Random {
  /** In a typed array, because properties would box 32-bit integers. */
  private readonly state: Int32Array
  /** The last probability of `misses`, and its logarithm there: it is the same one again and again. */
  private probability = 0
  private logarithm = 0

  constructor(seed: number) {
    // Seeds above 2³² use both of their halves.
    let seeding = (seed | 0) ^ Math.imul(Math.floor(seed / 4294967296), 0x9e3779b1)
    this.state = Int32Array.from({ length: 4 }, () => {
      seeding = (seeding + 0x9e3779b9) | 0
      let z = Math.imul(seeding ^ (seeding >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    })
  }

  /** A copy of the generator's state. */
  save(): Int32Array {
    return this.state.slice()
  }

  /** Continues from a state. */
  restore(state: Int32Array): void {
    this.state.set(state)
  }

  /** A random unsigned 32-bit integer. */
  uint32(): number {
    const state = this.state
    const a = state[0] as number // the state has four elements
    const b = state[1] as number
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const c = (state[2] as number) ^ a
    const d = (state[3] as number) ^ b
    state[0] = a ^ d
    state[1] = b ^ c
    state[2] = c ^ (b << 9)
    state[3] = (d << 11) | (d >>> 21)
    return result >>> 0
  }

  /** A random integer from 0 to `limit`, exclusive. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 4294967296) * limit)
  }

  /** The number of failures before the first success, for a success probability above 0 (geometric distribution). */
  misses(probability: number): number {
    if (probability !== this.probability) {
      this.probability = probability
      this.logarithm = Math.log1p(-probability)
    }
    const uniform = (this.uint32() + 1) / 4294967296
    return Math.floor(Math.log(uniform) / this.logarithm)
  }

  /** Shuffles an array in place. */
  shuffle(array: Int32Array): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const value = array[i] as number // i and j are within the array
      array[i] = array[j] as number
      array[j] = value
    }
  }
}
