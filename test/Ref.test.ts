/** Refs as local files: what a tool is handed, with the extension that it goes by. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet"
import * as Artifact from "../src/Artifact.ts"
import * as Flow from "../src/Flow.ts"
import * as Plan from "../src/Plan.ts"
import * as Ref from "../src/Ref.ts"
import * as Run from "../src/Run.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./support/directory.ts"

const make = Step.make("make", {
  input: { folder: Schema.String },
  output: {
    table: Artifact.table({ n: Schema.Number }),
    photo: Artifact.file("image/jpeg"),
    scan: Artifact.file("application/pdf"),
    image: Artifact.bytes("image/png"),
    page: Artifact.text("text/html; charset=utf-8"),
    items: Schema.Array(Schema.String)
  },
  run: ({ folder }) =>
    Effect.sync(() => {
      for (const name of ["a.JPEG", "scan"]) writeFileSync(join(folder, name), "the same")
      return {
        table: { numRows: 2, columns: { n: [1, 2] } },
        photo: join(folder, "a.JPEG"),
        scan: join(folder, "scan"),
        image: new Uint8Array(100_000),
        page: "<p>",
        items: ["x"]
      }
    })
})

const PathsFlow = Flow.make("PathsFlow", {
  parameters: { folder: Schema.String },
  steps: [make],
  run: Effect.fnUntraced(function* (parameters) {
    const { image, items, page, photo, scan, table } = yield* make(parameters)
    const paths = yield* Effect.all({
      table: Ref.path(table),
      photo: Ref.path(photo),
      scan: Ref.path(scan),
      image: Ref.path(image),
      page: Ref.path(page),
      items: Ref.path(items)
    })
    return { ...paths, value: yield* photo }
  })
})

const storages = {
  memory: () => Storage.layerMemory,
  directory: (directory: string) => Storage.layerLocal({ directory })
}

describe("Ref.path", () => {
  for (const [name, storage] of Object.entries(storages)) {
    it.live(`gives a local file with the extension of what it holds (${name})`, () =>
      Effect.gen(function* () {
        const folder = yield* temporaryDirectory
        yield* Effect.gen(function* () {
          const { id, output } = yield* Flow.run(PathsFlow, { folder })
          const { value, ...paths } = output
          assert.strictEqual(value, paths.photo)
          assert.deepStrictEqual(
            Object.values(paths)
              .map((path) => basename(path).slice(64))
              .toSorted(),
            [".JPEG", ".html", ".json", ".parquet", ".pdf", ".png"]
          )
          const rows = yield* Effect.promise(async () =>
            parquetReadObjects({ file: await asyncBufferFromFile(paths.table) })
          )
          assert.deepStrictEqual(rows, [{ n: 1 }, { n: 2 }])
          assert.strictEqual(readFileSync(paths.photo, "utf8"), "the same")
          assert.strictEqual(readFileSync(paths.items, "utf8"), '["x"]')

          const resumed = yield* Flow.resume(PathsFlow, { origin: id })
          assert.deepStrictEqual(resumed.output, output)
          const task = yield* Run.task(resumed.id, "make")
          assert.deepStrictEqual(
            (yield* Effect.forEach(task.outputs, Ref.path)).toSorted(),
            Object.values(paths).toSorted()
          )
        }).pipe(Effect.provide(storage(join(folder, "store"))))
      })
    )
  }

  it.live("is gone with a store in memory", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryDirectory
      const { output } = yield* Flow.run(PathsFlow, { folder }).pipe(Effect.provide(Storage.layerMemory))
      assert.isFalse(existsSync(output.table))
    })
  )

  it.effect("stores an element of a list, and stops a plan", () =>
    Effect.gen(function* () {
      const list = Step.make("list", {
        output: { words: Schema.Array(Schema.String) },
        run: () => Effect.succeed({ words: ["a"] })
      })
      const use = Step.make("use", {
        input: { path: Schema.String },
        output: { text: Schema.String },
        run: ({ path }) => Effect.sync(() => ({ text: readFileSync(path, "utf8") }))
      })
      const flow = Flow.make("Elements", {
        steps: [list, use],
        run: Effect.fnUntraced(function* () {
          const { words } = yield* list()
          const states = yield* Step.forEach(words, (word) => Effect.flatMap(Ref.path(word), (path) => use({ path })))
          return yield* Effect.forEach(states, ({ text }) => text)
        })
      })
      assert.deepStrictEqual((yield* Flow.run(flow, {})).output, ['"a"'])
      const plan = yield* Plan.make(PathsFlow, { folder: "/" })
      assert.include(plan.stop?.message, "the flow reads the value of make/1.")
    }).pipe(Effect.provide(Storage.layerMemory), Effect.scoped)
  )
})
