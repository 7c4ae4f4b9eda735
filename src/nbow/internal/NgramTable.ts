/**
 * Finds the n-grams of a vocabulary in texts: words that follow each other, stop words left out. An n-gram is a node of a
 * trie: its last word below the node of the words before it. So no string is made for an n-gram while texts are scanned.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import { TermTable } from "./TermTable.ts"
import type { Finder } from "./terms.ts"

const grown = (array: Int32Array, length: number): Int32Array => {
  const next = new Int32Array(Math.max(length, 2 * array.length))
  next.set(array)
  return next
}

/** The parent of the n-grams with one word. */
const root = -1

const hashOf = (parent: number, word: number): number => {
  const hash = Math.imul(Math.imul(parent, 0x9e3779b1) ^ word, 0x85ebca6b)
  return hash ^ (hash >>> 15)
}

/** Finds the n-grams of a vocabulary. */
export class NgramTable implements Finder {
  tokens: Int32Array = new Int32Array(1024)
  private size = 0
  private readonly words: TermTable
  /** The numbers of the words below this are stop words. */
  private readonly stops: number
  private readonly least: number
  private readonly most: number
  /** The node of each single word, plus one, or 0. */
  private singles: Int32Array = new Int32Array(1024)
  /** The parent and the last word of each node. */
  private nodes: Int32Array = new Int32Array(2048)
  /** A hash table: three integers for each slot, which are a node's parent, its last word, and its number plus one. */
  private slots: Int32Array = new Int32Array(3 * 4096)
  private slotCount = 4096
  /** The index of each node's term in the vocabulary, or -1. */
  private readonly columns: Int32Array

  constructor(
    stripAccents: "ascii" | null,
    stopWords: ReadonlyArray<string>,
    [least, most]: readonly [least: number, most: number],
    vocabulary: ReadonlyArray<string>
  ) {
    this.words = new TermTable(stripAccents, stopWords)
    this.stops = this.words.size
    this.least = least
    this.most = most
    const nodes = vocabulary.map((term) =>
      term.split(" ").reduce((node, word) => this.child(node, this.words.add(word), true), root)
    )
    this.columns = new Int32Array(this.size).fill(-1)
    for (const [column, node] of nodes.entries()) this.columns[node] = column
    // An unknown word stands between its neighbours, so these are no n-gram.
    this.words.marksUnknown = true
  }

  scan(text: string): number {
    const { columns, least, most, stops, words } = this
    const tokenCount = words.scan(text, false)
    const ids = words.tokens
    let length = 0
    for (let i = 0; i < tokenCount; i++) {
      const id = ids[i] as number
      if (id >= stops || id < 0) ids[length++] = id
    }
    const possible = length * (most - least + 1)
    if (possible > this.tokens.length) this.tokens = grown(this.tokens, possible)
    const { tokens } = this
    let count = 0
    for (let first = 0; first < length; first++) {
      const end = Math.min(first + most, length)
      let node = root
      for (let at = first; at < end; at++) {
        const word = ids[at] as number
        if (word < 0) break
        node = this.child(node, word, false)
        if (node < 0) break
        if (at - first + 1 < least) continue
        const token = columns[node] as number
        if (token >= 0) tokens[count++] = token
      }
    }
    return count
  }

  /** The node of an n-gram with one more word, or -1. */
  private child(parent: number, word: number, learn: boolean): number {
    if (parent === root) {
      if (word >= this.singles.length) this.singles = grown(this.singles, word + 1)
      const number = (this.singles[word] as number) - 1
      if (number >= 0 || !learn) return number
      this.singles[word] = this.size + 1
      return this.add(parent, word)
    }
    const mask = this.slotCount - 1
    let { slots } = this
    let slot = hashOf(parent, word) & mask
    for (let at = 3 * slot; slots[at + 2] !== 0; at = 3 * slot) {
      if (slots[at] === parent && slots[at + 1] === word) return (slots[at + 2] as number) - 1
      slot = (slot + 1) & mask
    }
    if (!learn) return -1
    if (2 * this.size > this.slotCount) {
      this.rehash()
      slots = this.slots
      slot = hashOf(parent, word) & (this.slotCount - 1)
      while (slots[3 * slot + 2] !== 0) slot = (slot + 1) & (this.slotCount - 1)
    }
    slots[3 * slot] = parent
    slots[3 * slot + 1] = word
    slots[3 * slot + 2] = this.size + 1
    return this.add(parent, word)
  }

  private add(parent: number, word: number): number {
    const node = this.size++
    if (2 * this.size > this.nodes.length) this.nodes = grown(this.nodes, 2 * this.size)
    this.nodes[2 * node] = parent
    this.nodes[2 * node + 1] = word
    return node
  }

  private rehash(): void {
    const old = this.slots
    this.slotCount *= 4
    const slots = new Int32Array(3 * this.slotCount)
    const mask = this.slotCount - 1
    for (let at = 0; at < old.length; at += 3) {
      if (old[at + 2] === 0) continue
      let slot = hashOf(old[at] as number, old[at + 1] as number) & mask
      while (slots[3 * slot + 2] !== 0) slot = (slot + 1) & mask
      slots.set(old.subarray(at, at + 3), 3 * slot)
    }
    this.slots = slots
  }
}
