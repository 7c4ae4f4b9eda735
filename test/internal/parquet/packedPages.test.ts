import { randomBytes } from "node:crypto"
import { zstdDecompressSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pack } from "../../../src/internal/parquet/packedPages.ts"
import type { Page } from "../../../src/internal/parquet/pages.ts"

const pageOf = (bytes: Uint8Array): Page => ({ encoding: "PLAIN", isDictionary: false, count: 1, bytes })

const repeated = (bytes: number, value: number) => new Uint8Array(bytes).fill(value)

describe("packed pages", () => {
  it.effect("are in the order of the pages, whichever was compressed first", () =>
    Effect.gen(function* () {
      const slow = Buffer.concat([repeated(1 << 15, 0), randomBytes(1 << 20)])
      const pages = [slow, ...Array.from({ length: 9 }, (_, i) => repeated(1 << (i % 2 === 0 ? 16 : 10), i))].map(
        pageOf
      )
      const packed = yield* pack("zstd", pages.values() as Generator<Page, void>) // as lazy as one
      assert.strictEqual(packed.compression, "zstd")
      assert.strictEqual(packed.pages.length, pages.length)
      for (const [i, { body }] of packed.pages.entries())
        assert.isTrue(zstdDecompressSync(body).equals((pages[i] as Page).bytes), `page ${i}`) // one each
    })
  )

  it.effect("are made while others are compressed, not all before", () =>
    Effect.gen(function* () {
      const done = new Set<number>()
      let most = 0
      function* pages() {
        for (let made = 0; made < 20; made++) {
          most = Math.max(most, made - done.size)
          // The encoding goes into the header, which a page gets when it is compressed.
          yield {
            ...pageOf(repeated(1 << 16, made)),
            get encoding() {
              done.add(made)
              return "PLAIN" as const
            }
          }
        }
      }
      yield* pack("zstd", pages())
      assert.strictEqual(done.size, 20)
      assert.isBelow(most, 5)
    })
  )

  it.effect("take little more memory than they are long", () =>
    Effect.gen(function* () {
      function* pages() {
        yield pageOf(repeated(1 << 20, 7))
      }
      const [page] = (yield* pack("zstd", pages())).pages
      assert.isBelow(page?.body.buffer.byteLength ?? 0, 1 << 17) // of a half megabyte that was reserved
    })
  )
})
