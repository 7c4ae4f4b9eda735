/**
 * The terms of a vocabulary and the scan that finds them in a text. A text is read once, character code by character
 * code, and no string is made of a token. While a token is read, its last eight characters gather in two integers, which
 * are the key of a hash table: for a token of up to eight characters, equal keys of equal length are equal tokens. The
 * characters are also written behind those of the terms known, where longer tokens are compared, and where a new term
 * stays.
 *
 * A token is what scikit-learn's `\b\w\w+\b` finds: a run of two or more letters, digits and underscores, after
 * lower-casing and, with `stripAccents: "ascii"`, after compatibility decomposition, of which only ASCII is kept.
 *
 * Every index is within its array by construction, which is the reason of each `as number`.
 */

/** What an ASCII character is in a token after lower-casing; 0 ends the token. */
const folded = new Uint8Array(128)
/** The same without lower-casing: some characters decompose into capitals after it. */
const kept = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code)
  if (/\w/.test(character)) {
    kept[code] = code
    folded[code] = character.toLowerCase().charCodeAt(0)
  }
}

const letter = /[\p{L}\p{N}_]/u
/** Whether a character of the basic plane is a letter or digit: 1 or -1, and 0 where nobody has asked. */
const letters = new Int8Array(65536)

const isLetter = (point: number): boolean => {
  if (point > 0xffff) return letter.test(String.fromCodePoint(point))
  if (letters[point] === 0) letters[point] = letter.test(String.fromCharCode(point)) ? 1 : -1
  return letters[point] === 1
}

const grown = <A extends Int32Array | Uint16Array>(array: A, length: number): A => {
  const next = new (array.constructor as new (length: number) => A)(Math.max(length, 2 * array.length)) // its own kind
  next.set(array)
  return next
}

const hashOf = (high: number, low: number, kind: number): number => {
  const hash = Math.imul(Math.imul(high ^ kind, 0x9e3779b1) ^ low, 0x85ebca6b)
  return hash ^ (hash >>> 15)
}

/** Characters in a key. */
const keyLength = 8

/** Terms by number, in the order in which they were met, and a hash table over them. */
export class TermTable {
  /** The term numbers of the text that was scanned last; as many of them as `scan` returned. */
  tokens: Int32Array = new Int32Array(256)
  /** How many terms there are. */
  size = 0
  private readonly ascii: boolean
  /** The characters of all terms, one after the other; behind them the token being read. */
  private characters: Uint16Array = new Uint16Array(4096)
  /** Where each term's characters start, and the last one's end. */
  private starts: Int32Array = new Int32Array(1025)
  /** Four integers at the place of a term's hash: the halves of its key, its kind, and its number plus one or 0. */
  private slots: Int32Array = new Int32Array(4 * 4096)

  constructor(stripAccents: "ascii" | null, terms: Iterable<string> = []) {
    this.ascii = stripAccents === "ascii"
    for (const term of terms) this.add(term)
  }

  /** The number of a term, which is a new one if the term is. */
  add(term: string): number {
    const base = this.end()
    this.reserve(base, term.length)
    let high = 0
    let low = 0
    let wide = 0
    for (let i = 0; i < term.length; i++) {
      const code = term.charCodeAt(i)
      this.characters[base + i] = code
      high = (high << 8) | (low >>> 24)
      low = (low << 8) | (code & 0xff)
      wide |= code
    }
    return this.find(base, base + term.length, high, low, wide < 256, true)
  }

  /** A term's characters. */
  term(id: number): string {
    const to = this.starts[id + 1] as number
    let term = ""
    for (let i = this.starts[id] as number; i < to; i++) term += String.fromCharCode(this.characters[i] as number)
    return term
  }

  /**
   * Finds the terms of a text, in order, into `tokens`, and returns how many there are. What is no term becomes one
   * where `learn` is set, and is passed over otherwise.
   */
  scan(input: string, learn: boolean): number {
    let text = input
    let length = text.length
    let table = folded
    let base = this.end()
    this.reserve(base, length)
    let { characters, tokens } = this
    let count = 0
    let end = base
    let high = 0
    let low = 0
    let wide = 0 // the codes beyond ASCII in the token, or-ed together
    let pairs = 0 // its characters beyond the basic plane, of two codes each
    for (let i = 0; i <= length; i++) {
      const code = i < length ? text.charCodeAt(i) : 0
      if (code < 128) {
        const character = table[code] as number
        if (character !== 0) {
          characters[end++] = character
          high = (high << 8) | (low >>> 24)
          low = (low << 8) | character
          continue
        }
      } else if (table === folded) {
        // The first character beyond ASCII. Nothing before it can change, so the scan goes back to the token's start.
        text = this.ascii ? input.toLowerCase().normalize("NFKD") : input.toLowerCase()
        length = text.length
        table = kept
        this.reserve(base, length)
        characters = this.characters
        tokens = this.tokens
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
          high = (high << 8) | (low >>> 24)
          low = (low << 8) | (code & 0xff)
          wide |= code
          if (isPair) {
            const second = text.charCodeAt(++i)
            characters[end++] = second
            high = (high << 8) | (low >>> 24)
            low = (low << 8) | (second & 0xff)
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
        }
      }
      end = base
      high = low = wide = pairs = 0
    }
    return count
  }

  private end(): number {
    return this.starts[this.size] as number
  }

  /** Room for a text of some length: its characters from `base` on, and its tokens, of two characters or more each. */
  private reserve(base: number, length: number): void {
    if (base + length > this.characters.length) this.characters = grown(this.characters, base + length)
    if (length > 2 * this.tokens.length) this.tokens = grown(this.tokens, length)
  }

  /**
   * The number of the term that the characters between `from` and `to` are, or -1. A new term's are in their place.
   * `high` and `low` are its key; `narrow` says that all of its codes are in the key whole.
   */
  private find(from: number, to: number, high: number, low: number, narrow: boolean, learn: boolean): number {
    const slots = this.slots
    const mask = slots.length - 1
    // Terms with a code of more than the eight bits that a key has for it are of a kind of their own.
    const kind = narrow ? to - from : from - to
    let slot = (hashOf(high, low, kind) << 2) & mask
    for (let next = slots[slot + 3] as number; next !== 0; next = slots[slot + 3] as number) {
      if (slots[slot + 1] === low && slots[slot] === high && slots[slot + 2] === kind) {
        if ((kind >= 0 && kind <= keyLength) || this.equal(from, to, next - 1)) return next - 1
      }
      slot = (slot + 4) & mask
    }
    if (!learn) return -1
    const id = this.size++
    if (id + 2 > this.starts.length) this.starts = grown(this.starts, id + 2)
    this.starts[id + 1] = to
    slots[slot] = high
    slots[slot + 1] = low
    slots[slot + 2] = kind
    slots[slot + 3] = id + 1
    if (8 * this.size > slots.length) this.rehash()
    return id
  }

  private equal(from: number, to: number, id: number): boolean {
    const characters = this.characters
    let i = from
    for (let j = this.starts[id] as number; i < to && characters[i] === characters[j]; j++) i++
    return i === to
  }

  private rehash(): void {
    const old = this.slots
    const slots = new Int32Array(2 * old.length)
    const mask = slots.length - 1
    for (let i = 0; i < old.length; i += 4) {
      if (old[i + 3] === 0) continue
      let slot = (hashOf(old[i] as number, old[i + 1] as number, old[i + 2] as number) << 2) & mask
      while (slots[slot + 3] !== 0) slot = (slot + 4) & mask
      slots.set(old.subarray(i, i + 4), slot)
    }
    this.slots = slots
  }
}
