/**
 * Pages on their way into a file: compressed, and each led by its header. Compression is most of the work of writing a
 * table and is done in other threads, so pages are not made before it begins but while it goes on.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import * as Codecs from "./compression.ts"
import type { Page } from "./pages.ts"

/** A page as a file holds it. */
export interface PackedPage extends Pick<Page, "encoding" | "isDictionary"> {
  readonly header: Uint8Array
  readonly body: Uint8Array
  /** How many bytes it would be without compression, its header included. */
  readonly uncompressed: number
}

/** How many pages are compressed at once. */
const pagesAtOnce = 4

/** Packs pages, and says how they were compressed. There must be one at least. */
export const pack = Effect.fnUntraced(function* (wanted: Codecs.Compression, pages: Generator<Page, void>) {
  const first = pages.next().value as Page // there is one
  const compression = (yield* pays(wanted, first)) ? wanted : "none"
  const all = startingWith(first, pages)
  const packed: Array<PackedPage> = []
  let begun = 0
  const packEach = Effect.forEach(
    all,
    (page) => {
      const place = begun++
      return Effect.map(Codecs.compress(compression, page.bytes), (body) => {
        packed[place] = packedPage(page, body)
      })
    },
    { discard: true }
  )
  // Each of them takes the next page, which is made then, when the one that it had is compressed.
  const takers = Array.from({ length: pagesAtOnce }, () => packEach)
  yield* Effect.all(takers, { concurrency: "unbounded", discard: true })
  return { compression, pages: packed }
})

function* startingWith(first: Page, rest: Iterable<Page>): Generator<Page, void> {
  yield first
  yield* rest
}

const packedPage = (page: Page, body: Uint8Array): PackedPage => {
  const { encoding, isDictionary } = page
  const header = headerOf(page, body)
  return { encoding, isDictionary, header, body, uncompressed: header.length + page.bytes.length }
}

/** Whether compressing pages saves anything to speak of; random numbers are best left as they are. */
const pays = (compression: Codecs.Compression, first: Page): Effect.Effect<boolean> => {
  if (compression === "none") return Effect.succeed(false)
  const sample = first.bytes.subarray(0, sampleBytes)
  return Effect.map(Codecs.compress(compression, sample), (compressed) => compressed.length < sample.length * 0.8)
}

const sampleBytes = 1 << 14

const headerOf = (page: Page, body: Uint8Array): Uint8Array => {
  const writer = new ByteWriter(64)
  const sizes = {
    uncompressed_page_size: page.bytes.length,
    compressed_page_size: body.length,
    crc: crc32(body) | 0 // the format has a signed integer here
  }
  writePageHeader(
    writer,
    page.isDictionary
      ? { type: "DICTIONARY_PAGE", ...sizes, dictionary_page_header: { num_values: page.count, encoding: "PLAIN" } }
      : {
          type: "DATA_PAGE",
          ...sizes,
          data_page_header: {
            num_values: page.count,
            encoding: page.encoding,
            definition_level_encoding: "RLE",
            repetition_level_encoding: "RLE"
          }
        }
  )
  return writer.getBytes()
}
