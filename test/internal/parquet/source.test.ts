import { appendFileSync, renameSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { slice } from "../../../src/internal/parquet/footer.ts"
import { openSource, withoutSecrets } from "../../../src/internal/parquet/source.ts"
import { asParquet } from "../../../src/internal/parquet/textFiles.ts"
import { temporaryDirectory } from "../../support/directory.ts"
import { unavailable } from "../../support/duckdb.ts"

describe("a file that is read in ranges", () => {
  const size = 3 << 20
  const changes: ReadonlyArray<readonly [string, (path: string) => void]> = [
    ["overwritten", (path) => writeFileSync(path, Buffer.alloc(size, 2))],
    ["appended to", (path) => appendFileSync(path, "more")],
    ["truncated", (path) => truncateSync(path, 2)]
  ]
  for (const [what, change] of changes) {
    it.effect(`is refused when it is ${what} between two reads`, () =>
      Effect.gen(function* () {
        const path = join(yield* temporaryDirectory, "data.parquet")
        writeFileSync(path, Buffer.alloc(size, 1))
        const source = yield* openSource(path)
        assert.deepStrictEqual([...(yield* slice(source, 0, 3))], [1, 1, 1])
        change(path)
        utimesSync(path, 1, 1) // a clock of files may not have moved on since
        const error = yield* Effect.flip(slice(source, 3, 6))
        assert.strictEqual(error.reason, "unreadable")
        assert.strictEqual(error.message, "it was written to while it was read. Read it when nothing writes to it")
      })
    )
  }

  it.effect("is read to its end when another file takes its name", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "data.parquet")
      writeFileSync(path, Buffer.alloc(size, 1))
      const source = yield* openSource(path)
      writeFileSync(`${path}.new`, Buffer.alloc(size, 2))
      renameSync(`${path}.new`, path)
      assert.deepStrictEqual(
        [...(yield* slice(source, 0, 3)), ...(yield* slice(source, size - 2, size))],
        [1, 1, 1, 1, 1]
      )
    })
  )

  it.effect("is read to its end when a store sets the time of one of its files", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "blob")
      writeFileSync(path, Buffer.alloc(size, 1), { mode: 0o444 })
      const source = yield* openSource(path)
      utimesSync(path, 1, 1)
      assert.deepStrictEqual([...(yield* slice(source, 0, 3))], [1, 1, 1])
    })
  )

  it.live.skipIf(unavailable !== undefined)("is refused when it is CSV and is written to while it is converted", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "data.csv")
      writeFileSync(path, `id\n${Array.from({ length: 10_000 }, (_, id) => `${id}\n`).join("")}`)
      const reading = yield* Effect.forkChild(Effect.scoped(asParquet(path, "csv", undefined)))
      for (let time = 1; reading.pollUnsafe() === undefined; time++) {
        utimesSync(path, time, time)
        yield* Effect.promise(() => setImmediate())
      }
      const error = yield* Effect.flip(Fiber.join(reading))
      assert.strictEqual(error.message, "it was written to while it was read. Read it when nothing writes to it")
    })
  )
})

describe("the name of a source in a message", () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["https://ada:se,cret@host/x", "https://…@host/x"],
    ["https://ada:sec@ret@host/x", "https://…@host/x"],
    ["https://ada:s/ec?r#et@host/x", "https://…@host/x"],
    ["s3://ada:s/ecret@bucket/x, http://b:c@host/y", "s3://…@bucket/x, http://…@host/y"],
    ["https://host:8080/@scope/x", "https://host:8080/@scope/x"],
    ["https://host/@scope/x, data/me@home.parquet", "https://host/@scope/x, data/me@home.parquet"]
  ]
  for (const [name, shown] of cases)
    it(`is ${shown} for ${name}`, () => assert.strictEqual(withoutSecrets(name), shown))
})
