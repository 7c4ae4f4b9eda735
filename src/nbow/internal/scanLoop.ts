/**
 * The scan of ASCII texts, in WebAssembly: 64 characters are classified and lower-cased at once, which gives the bounds of
 * all tokens among them, and a token is found with one load of its key. In JavaScript, where `TermTable` does the same
 * character by character, learning a vocabulary takes three times as long.
 *
 * The table lies in the same memory: `TermTable` describes it, and adds new terms to it when it is called for one.
 * Addresses and sizes are in bytes.
 */
import * as Wasm from "./wasm.ts"

const { block, i8x16, i32, i64, leave, leaveIf, repeat, select, type, when } = Wasm

/** The arrays of a table of terms. */
export interface Tables {
  readonly slots: Int32Array
  readonly starts: Int32Array
  readonly characters: Uint16Array
}

/** The number of characters that are classified at once. */
const blockBytes = 64
/** Longer texts are left to JavaScript. */
const textBytes = 65536
// The memory: the addresses of the tables and a mask, the text with zeros behind it, the numbers of its terms, the tables.
const at = { slots: 0, mask: 4, starts: 8, characters: 12 }
const textAt = 64
const tokensAt = textAt + textBytes + blockBytes
const tablesAt = tokensAt + 2 * textBytes // a token and what ends it take three bytes of text and four here

/** What to do with a token that is no term. */
export const unknown = { skip: 0, learn: 1, mark: 2 } as const

/** The letters, digits and underscores among sixteen characters, as bits. Makes capitals small. */
const wordBits = (address: Wasm.Code, characters: Wasm.Local, small: Wasm.Local, letters: Wasm.Local): Wasm.Code => {
  const isAmong = (value: Wasm.Code, first: string, count: number): Wasm.Code =>
    i8x16.lessUnsigned(i8x16.sub(value, i8x16.splat(first.charCodeAt(0))), i8x16.splat(count))
  return [
    ...characters.set(i8x16.load(address)),
    ...small.set(i8x16.or(characters.get, i8x16.splat(0x20))),
    ...letters.set(isAmong(small.get, "a", 26)),
    ...i8x16.store(address, i8x16.select(small.get, characters.get, letters.get)),
    ...i64.extend(
      i8x16.mask(
        i8x16.or(
          letters.get,
          i8x16.or(isAmong(characters.get, "0", 10), i8x16.equal(characters.get, i8x16.splat("_".charCodeAt(0))))
        )
      )
    )
  ]
}

/** The hash of a key and its kind, as in `TermTable`. */
const hash = (high: Wasm.Code, low: Wasm.Code, kind: Wasm.Code, product: Wasm.Local): Wasm.Code => [
  ...product.set(i32.mul(i32.xor(high, kind), i32.constant(0x9e3779b1 | 0))),
  ...product.set(
    i32.mul(
      i32.xor(i32.xor(product.get, i32.shiftRight(product.get, i32.constant(15))), low),
      i32.constant(0x85ebca6b | 0)
    )
  ),
  ...i32.xor(product.get, i32.shiftRight(product.get, i32.constant(15)))
]

/** The number of bits of a key that a token of this length doesn't have. */
const bitsBefore = (kind: Wasm.Local): Wasm.Code =>
  select(
    i32.lessUnsigned(kind.get, i32.constant(8)),
    i32.sub(i32.constant(64), i32.shiftLeft(kind.get, i32.constant(3))),
    i32.constant(0)
  )

const scan: Wasm.Function = {
  parameters: [type.i32, type.i32],
  result: type.i32,
  locals: [
    ...new Array<number>(14).fill(type.i32),
    ...new Array<number>(4).fill(type.i64),
    ...new Array<number>(3).fill(type.v128)
  ],
  // biome-ignore format: the parameters, the addresses and numbers, the bits, and the vectors
  body: (
    end, whenUnknown,
    slots, mask, starts, characters, place, out, start, stop, kind, product, slot, id, one, other,
    bits, edges, carry, key,
    sixteen, small, letters
  ) => {
    const step = (local: Wasm.Local, amount: number) => local.set(i32.add(local.get, i32.constant(amount)))
    const isKnown = i32.xor(i32.shiftRight(id.get, i32.constant(31)), i32.constant(1))
    const readTables = [
      ...slots.set(i32.load(i32.constant(at.slots))),
      ...mask.set(i32.load(i32.constant(at.mask))),
      ...starts.set(i32.load(i32.constant(at.starts))),
      ...characters.set(i32.load(i32.constant(at.characters)))
    ]
    const taken = i32.sub(i32.load(slot.get, 12), i32.constant(1))
    // Equal keys and kinds are equal tokens, unless they are longer than a key.
    const compare = when(
      i32.lessUnsigned(i32.constant(8), kind.get),
      [
        ...one.set(start.get),
        ...other.set(
          i32.add(
            characters.get,
            i32.shiftLeft(i32.load(i32.add(starts.get, i32.shiftLeft(taken, i32.constant(2)))), i32.constant(1))
          )
        ),
        ...block(
          repeat(
            [
              ...leaveIf(i32.xor(i32.load8(one.get), i32.load16(other.get)), 1),
              ...step(one, 1),
              ...step(other, 2)
            ],
            i32.lessUnsigned(one.get, stop.get)
          )
        ),
        ...when(i32.equal(one.get, stop.get), [...id.set(taken), ...leave(4)])
      ],
      [...id.set(taken), ...leave(3)]
    )
    const find = [
      ...kind.set(i32.sub(stop.get, start.get)),
      // The last eight characters, of which those before a shorter token are cleared.
      ...key.set(i64.load(i32.sub(stop.get, i32.constant(8)))),
      ...product.set(bitsBefore(kind)),
      ...key.set(
        i64.shiftLeft(i64.shiftRight(key.get, i64.extend(product.get)), i64.extend(product.get))
      ),
      ...slot.set(
        i32.and(
          i32.shiftLeft(
            hash(i32.lower(i64.shiftRight(key.get, i64.constant(32))), i32.lower(key.get), kind.get, product),
            i32.constant(4)
          ),
          mask.get
        )
      ),
      ...id.set(i32.constant(-1)),
      ...block([
        0x03, 0x40, // a loop without a condition at its end
        ...slot.set(i32.add(slots.get, slot.get)),
        ...leaveIf(i32.isZero(i32.load(slot.get, 12)), 1),
        ...when(
          i32.and(i64.equal(i64.load(slot.get), key.get), i32.equal(i32.load(slot.get, 8), kind.get)),
          compare
        ),
        ...slot.set(i32.and(i32.add(i32.sub(slot.get, slots.get), i32.constant(16)), mask.get)),
        ...leave(0),
        0x0b
      ]),
      ...when(
        i32.and(i32.shiftRight(id.get, i32.constant(31)), i32.equal(whenUnknown.get, i32.constant(unknown.learn))),
        [...id.set(Wasm.call(0, start.get, stop.get)), ...readTables]
      ),
      // Written in any case, and kept if it counts.
      ...i32.store(out.get, id.get),
      ...out.set(
        i32.add(
          out.get,
          i32.shiftLeft(
            i32.or(isKnown, i32.equal(whenUnknown.get, i32.constant(unknown.mark))),
            i32.constant(2)
          )
        )
      )
    ]
    const sixteenAt = (offset: number) =>
      i64.shiftLeft(
        wordBits(i32.add(place.get, i32.constant(offset)), sixteen, small, letters),
        i64.constant(offset)
      )
    return [
      ...readTables,
      ...[0, 16, 32, 48].flatMap((offset) => i8x16.store(i32.add(end.get, i32.constant(offset)), sixteen.get)),
      ...place.set(i32.constant(textAt)),
      ...out.set(i32.constant(tokensAt)),
      ...repeat(
        [
          ...bits.set(i64.or(i64.or(sixteenAt(0), sixteenAt(16)), i64.or(sixteenAt(32), sixteenAt(48)))),
          // A bit for each place where a token begins or has just ended.
          ...edges.set(i64.xor(bits.get, i64.or(i64.shiftLeft(bits.get, i64.constant(1)), carry.get))),
          ...carry.set(i64.shiftRight(bits.get, i64.constant(63))),
          ...block([
            ...leaveIf(i64.isZero(edges.get), 0),
            ...repeat(
              [
                ...stop.set(i32.add(place.get, i32.lower(i64.trailingZeros(edges.get)))),
                ...edges.set(i64.and(edges.get, i64.sub(edges.get, i64.constant(1)))),
                ...when(
                  start.get,
                  [
                    ...when(
                      i32.lessUnsigned(i32.constant(1), i32.sub(stop.get, start.get)),
                      find
                    ),
                    ...start.set(i32.constant(0))
                  ],
                  start.set(stop.get)
                )
              ],
              i32.isZero(i64.isZero(edges.get))
            )
          ]),
          ...step(place, blockBytes)
        ],
        i32.isZero(i32.lessUnsigned(end.get, place.get))
      ),
      ...i32.shiftRight(i32.sub(out.get, i32.constant(tokensAt)), i32.constant(2))
    ]
  }
}

const instantiate = Wasm.instantiate({ scan }, { learn: { parameters: [type.i32, type.i32], result: type.i32 } })

/** Finds the terms of ASCII texts. */
export class ScanLoop {
  /** The numbers of the terms of the last text. */
  tokens: Int32Array
  /** The last text, lower-cased where it has been scanned, by address. */
  characters: Uint8Array
  private text: Uint8Array
  private readonly memory: Wasm.Memory
  private readonly run: (end: number, whenUnknown: number) => number
  private readonly encoder = new TextEncoder()

  /**
   * A loop, or nothing where WebAssembly or memory for it is not to be had. It calls a function with the bounds of each
   * token that is to be learned, which adds it to the tables.
   */
  static make(learn: (from: number, to: number) => number): ScanLoop | undefined {
    try {
      return new ScanLoop(learn)
    } catch {
      return undefined
    }
  }

  private constructor(learn: (from: number, to: number) => number) {
    const { exports, memory } = instantiate(tablesAt, { learn })
    this.memory = memory
    this.run = (exports as { readonly scan: ScanLoop["run"] }).scan // assembled from the function above
    this.characters = new Uint8Array(memory.buffer)
    this.text = new Uint8Array(memory.buffer, textAt, textBytes)
    this.tokens = new Int32Array(memory.buffer, tokensAt, textBytes / 2)
  }

  /** Makes new tables of these lengths, empty unless they overlap earlier ones, which are not to be used any more. */
  tables(slots: number, starts: number, characters: number): Tables {
    const startsAt = tablesAt + 4 * slots
    const charactersAt = startsAt + 4 * starts
    const missing = charactersAt + 2 * characters - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / Wasm.pageBytes))
    const { buffer } = this.memory
    this.characters = new Uint8Array(buffer)
    this.text = new Uint8Array(buffer, textAt, textBytes)
    this.tokens = new Int32Array(buffer, tokensAt, textBytes / 2)
    const addresses = new Int32Array(buffer, 0, 4)
    addresses[at.slots / 4] = tablesAt
    addresses[at.mask / 4] = 4 * slots - 1
    addresses[at.starts / 4] = startsAt
    addresses[at.characters / 4] = charactersAt
    return {
      slots: new Int32Array(buffer, tablesAt, slots),
      starts: new Int32Array(buffer, startsAt, starts),
      characters: new Uint16Array(buffer, charactersAt, characters)
    }
  }

  /** Scans a text. Returns how many of `tokens` are valid, or -1 if the text is not ASCII or too long. */
  scan(text: string, whenUnknown: number): number {
    const { length } = text
    if (length > textBytes) return -1
    const { read, written } = this.encoder.encodeInto(text, this.text)
    return read === length && written === length ? this.run(textAt + length, whenUnknown) : -1
  }
}
