/**
 * The terms of a vocabulary and the scanner that finds them in a text. A text is read once, code unit by code unit,
 * without making a string for each token. While a token is read, its last eight characters are packed into two
 * integers, the key of a hash table: for tokens of up to eight characters, equal keys and lengths mean equal tokens.
 * The characters are also written behind those of the known terms. Longer tokens are compared there, and a new term is
 * kept there. Once a table has scanned some texts, `scanLoop.ts` scans those that are ASCII.
 *
 * Tokens are the matches of scikit-learn's `\b\w\w+\b`: runs of two or more letters, digits and underscores, after
 * lower-casing and, with `stripAccents: "ascii"`, after compatibility decomposition with all but ASCII dropped.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */

import { compareCodePoints } from "./codePoints.ts"
import { ScanLoop, unknown } from "./scanLoop.ts"
import type { Term, TermScanner } from "./terms.ts"

/** The lower-case form of each ASCII character in a token. 0 ends the token. */
const folded = new Uint8Array(128)
/** The same without lower-casing, because some characters decompose into capitals. */
const kept = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code)
  if (/\w/.test(character)) {
    kept[code] = code
    folded[code] = character.toLowerCase().charCodeAt(0)
  }
}

const letter = /[\p{L}\p{N}_]/u
/** Whether a character of the basic plane is a letter or digit: 1 or -1, or 0 if not computed yet. */
const letters = new Int8Array(65536)

const isLetter = (point: number): boolean => {
  if (point > 0xffff) return letter.test(String.fromCodePoint(point))
  if (letters[point] === 0) letters[point] = letter.test(String.fromCharCode(point)) ? 1 : -1
  return letters[point] === 1
}

/** `scanLoop.ts` computes the same. */
const hashOf = (high: number, low: number, kind: number): number => {
  const product = Math.imul(high ^ kind, 0x9e3779b1)
  const hash = Math.imul(product ^ (product >>> 15) ^ low, 0x85ebca6b)
  return hash ^ (hash >>> 15)
}

/** The number of characters in a key. */
const keyLength = 8

/** After this many characters, a table is worth a WebAssembly memory. */
const charactersInJavaScript = 4096

/** Terms, numbered in order of occurrence, and a hash table over them. */
export class TermTable implements TermScanner {
  /** The term numbers of the last scanned text. `scan` returns how many are valid. */
  tokens: Int32Array = new Int32Array(256)
  /** The number of terms. */
  size = 0
  /** Whether tokens that are not terms are marked with -1 instead of being skipped. */
  marksUnknown = false
  private readonly ascii: boolean
  /** The characters of all terms, followed by those of the token being read. */
  private characters: Uint16Array = new Uint16Array(1024)
  /** The start of each term's characters, and the end of the last. It has room for one more term. */
  private starts: Int32Array = new Int32Array(257)
  /**
   * Four integers per slot: the halves of a term's key, its kind, and its number plus one, or 0 if the slot is empty.
   */
  private slots: Int32Array = new Int32Array(4 * 512)
  /** The loop in WebAssembly, whose memory has the three arrays: nothing before it pays, or where there is none. */
  private loop: ScanLoop | undefined
  /** How many characters are to be scanned before. */
  private untilLoop = charactersInJavaScript
  /** The term numbers of texts that are scanned here. */
  private found: Int32Array = this.tokens

  constructor(stripAccents: "ascii" | null, terms: Iterable<string> = []) {
    this.ascii = stripAccents === "ascii"
    for (const term of terms) this.add(term)
  }

  /** The number of a term. Adds the term if it is new. */
  add(term: string): number {
    const base = this.end()
    this.reserve(base, term.length)
    let high = 0
    let low = 0
    let wide = 0
    for (let i = 0; i < term.length; i++) {
      const code = term.charCodeAt(i)
      this.characters[base + i] = code
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) | (code << 24)
      wide |= code
    }
    return this.find(base, base + term.length, high, low, wide < 256, true)
  }

  /** A term as a string. */
  term(id: number): string {
    const to = this.starts[id + 1] as number
    let term = ""
    for (let i = this.starts[id] as number; i < to; i++) term += String.fromCharCode(this.characters[i] as number)
    return term
  }

  inOrder(isWanted: (id: number) => boolean): Array<Term> {
    const terms: Array<Term> = []
    for (let id = 0; id < this.size; id++) if (isWanted(id)) terms.push({ id, text: this.term(id) })
    return terms.sort((a, b) => compareCodePoints(a.text, b.text))
  }

  /**
   * Finds the terms of a text, in order, into `tokens`, and returns how many there are. If `learn` is set, new terms
   * are added, otherwise unknown tokens are skipped.
   */
  scan(input: string, learn: boolean): number {
    const { loop } = this
    if (loop !== undefined) {
      const count = loop.scan(input, learn ? unknown.learn : this.marksUnknown ? unknown.mark : unknown.skip)
      if (count >= 0) {
        this.tokens = loop.tokens
        return count
      }
    } else {
      this.untilLoop -= input.length
      if (this.untilLoop < 0) this.begin()
    }
    return this.scanHere(input, learn)
  }

  /** Moves the table to the memory of the loop, unless this machine can't have one. */
  private begin(): void {
    const { characters, slots, starts } = this
    this.loop = ScanLoop.make((from, to) => this.learn(from, to))
    if (this.loop === undefined) this.untilLoop = Number.POSITIVE_INFINITY
    else this.grow(slots.length, starts.length, characters.length)
  }

  /** Adds a token that the loop has found in a text. */
  private learn(from: number, to: number): number {
    const base = this.end()
    this.reserve(base, to - from)
    const { characters } = this
    const { characters: given } = this.loop as ScanLoop // which calls
    let high = 0
    let low = 0
    for (let i = from; i < to; i++) {
      const code = given[i] as number
      characters[base + i - from] = code
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) | (code << 24)
    }
    return this.find(base, base + to - from, high, low, true, true)
  }

  private scanHere(input: string, learn: boolean): number {
    let text = input
    let length = text.length
    let table = folded
    let base = this.end()
    this.reserve(base, length)
    let { characters, found: tokens } = this
    let count = 0
    let end = base
    let high = 0
    let low = 0
    let wide = 0 // bitwise or of the token's non-ASCII codes
    let pairs = 0 // the number of its surrogate pairs
    for (let i = 0; i <= length; i++) {
      const code = i < length ? text.charCodeAt(i) : 0
      if (code < 128) {
        const character = table[code] as number
        if (character !== 0) {
          characters[end++] = character
          low = (low >>> 8) | (high << 24)
          high = (high >>> 8) | (character << 24)
          continue
        }
      } else if (table === folded) {
        // The first non-ASCII character. Text before the token is unaffected, so the scan restarts at the token.
        text = this.ascii ? input.toLowerCase().normalize("NFKD") : input.toLowerCase()
        length = text.length
        table = kept
        this.reserve(base, length)
        characters = this.characters
        tokens = this.found
        i -= end - base + 1
        end = base
        high = low = 0
        continue
      } else if (this.ascii) {
        continue
      } else {
        const point = text.codePointAt(i) as number
        const isPair = point > 0xffff
        if (isLetter(point)) {
          characters[end++] = code
          low = (low >>> 8) | (high << 24)
          high = (high >>> 8) | (code << 24)
          wide |= code
          if (isPair) {
            const second = text.charCodeAt(++i)
            characters[end++] = second
            low = (low >>> 8) | (high << 24)
            high = (high >>> 8) | (second << 24)
            pairs++
          }
          continue
        }
        if (isPair) i++
      }
      if (end - base - pairs > 1) {
        const id = this.find(base, end, high, low, wide < 256, learn)
        if (id >= 0) {
          tokens[count++] = id
          base = this.end()
          characters = this.characters // a new term may have moved them
        } else if (this.marksUnknown) {
          tokens[count++] = -1
        }
      }
      end = base
      high = low = wide = pairs = 0
    }
    this.tokens = tokens
    return count
  }

  private end(): number {
    return this.starts[this.size] as number
  }

  /**
   * Reserves space for a text of this length: its characters from `base` on, and its tokens of at least two characters.
   */
  private reserve(base: number, length: number): void {
    const { characters, found, slots, starts } = this
    if (base + length > characters.length) {
      this.grow(slots.length, starts.length, Math.max(base + length, 2 * characters.length))
    }
    if (length > 2 * found.length) this.found = new Int32Array(Math.max(length, 2 * found.length))
  }

  /**
   * The number of the term with the characters between `from` and `to`, or -1. For a new term, the characters are
   * already in place. `high` and `low` are its key. `narrow` means that the key has all bits of its codes.
   */
  private find(from: number, to: number, high: number, low: number, narrow: boolean, learn: boolean): number {
    const slots = this.slots
    const mask = slots.length - 1
    // A key has eight bits per code, so terms with larger codes are of a separate kind.
    const kind = narrow ? to - from : from - to
    let slot = (hashOf(high, low, kind) << 2) & mask
    for (let next = slots[slot + 3] as number; next !== 0; next = slots[slot + 3] as number) {
      if (slots[slot] === low && slots[slot + 1] === high && slots[slot + 2] === kind) {
        if ((kind >= 0 && kind <= keyLength) || this.equal(from, to, next - 1)) return next - 1
      }
      slot = (slot + 4) & mask
    }
    if (!learn) return -1
    const id = this.size++
    this.starts[id + 1] = to
    slots[slot] = low
    slots[slot + 1] = high
    slots[slot + 2] = kind
    slots[slot + 3] = id + 1
    // At most a quarter of the slots are taken: most words of a text are no terms, and those are sought until a free slot.
    const isFull = 16 * this.size > slots.length
    const { length } = this.starts
    if (isFull || id + 2 === length) {
      this.grow(slots.length * (isFull ? 2 : 1), length * (id + 2 === length ? 2 : 1), this.characters.length)
    }
    return id
  }

  private equal(from: number, to: number, id: number): boolean {
    const characters = this.characters
    let i = from
    for (let j = this.starts[id] as number; i < to && characters[i] === characters[j]; j++) i++
    return i === to
  }

  /** Gives the arrays these lengths. */
  private grow(slotsLength: number, startsLength: number, charactersLength: number): void {
    const old = [this.slots.slice(), this.starts.slice(), this.characters.slice()] as const
    const { characters, slots, starts } = this.loop?.tables(slotsLength, startsLength, charactersLength) ?? {
      slots: new Int32Array(slotsLength),
      starts: new Int32Array(startsLength),
      characters: new Uint16Array(charactersLength)
    }
    slots.fill(0)
    starts.set(old[1])
    characters.set(old[2])
    const mask = slotsLength - 1
    const [from] = old
    for (let i = 0; i < from.length; i += 4) {
      if (from[i + 3] === 0) continue
      let slot = (hashOf(from[i + 1] as number, from[i] as number, from[i + 2] as number) << 2) & mask
      while (slots[slot + 3] !== 0) slot = (slot + 4) & mask
      for (let part = 0; part < 4; part++) slots[slot + part] = from[i + part] as number
    }
    this.slots = slots
    this.starts = starts
    this.characters = characters
  }
}
