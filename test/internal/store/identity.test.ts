/** Copies of a run database beside the original, with one place for the large artifacts of both. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore, Gc, Storage } from "effect-flow"
import * as FileStore from "../../../src/internal/store/files/store.ts"
import * as SqliteStorage from "../../../src/internal/store/sql/sqlite.ts"
import { hasPostgres, postgresSchema, temporaryDirectory } from "../../conformance/layers.ts"
import { client, realTime } from "../../conformance/postgres.ts"

const put = (value: number) =>
  Effect.flatMap(ArtifactStore.ArtifactStore, (store) => store.put([new Uint8Array(100_000).fill(value)]))
const collect = Gc.collect({ grace: 0, dryRun: true })
const refusal = Effect.map(Effect.flip(collect), ({ message }) => message)

describe("a copy of a run database", () => {
  it.effect("counts as another one where it is a file, and a file that was moved or restored does not", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const blobs = Path.join(directory, "blobs")
      const at = (name: string) => Path.join(directory, name)
      const store = (name: string) =>
        Layer.fresh(
          SqliteStorage.layer({
            filename: at(name),
            blobs: () => Effect.sync(() => FileStore.make({ directory: blobs, isShared: true, hint: "." })),
            valueBytes: 1024,
            sync: false
          })
        )
      yield* Effect.promise(() => Fs.mkdir(blobs))
      yield* Effect.provide(put(1), store("first"))
      yield* Effect.promise(() => Fs.copyFile(at("first"), at("copy")))
      assert.include(yield* Effect.provide(refusal, store("copy")), "2 run databases keep artifacts there")
      // Nothing was kept by the copy yet.
      assert.strictEqual((yield* Effect.provide(collect, store("first"))).artifacts, 1)
      yield* Effect.provide(put(2), store("copy"))
      for (const name of ["first", "copy"])
        assert.include(yield* Effect.provide(refusal, store(name)), "A copy of a database counts as another one.")
      const marks = yield* Effect.promise(() => Fs.readdir(Path.join(blobs, "databases")))
      assert.lengthOf(marks, 2)

      yield* Effect.promise(() => Fs.rm(Path.join(blobs, "databases"), { recursive: true }))
      yield* Effect.provide(put(3), store("first"))
      yield* Effect.promise(() => Fs.rename(at("first"), at("moved")))
      yield* Effect.provide(put(4), store("moved"))
      yield* Effect.promise(async () => {
        await Fs.copyFile(at("moved"), at("backup"))
        await Fs.rm(at("moved"))
        await Fs.copyFile(at("backup"), at("moved"))
      })
      yield* Effect.provide(put(5), store("moved"))
      assert.strictEqual((yield* Effect.provide(collect, store("moved"))).artifacts, 5)
    }).pipe(Effect.scoped, realTime)
  )

  it.effect.skipIf(!hasPostgres)("counts as another one in Postgres", () =>
    Effect.gen(function* () {
      const blobs = yield* temporaryDirectory
      const [first, copy] = [yield* postgresSchema, yield* postgresSchema]
      const store = (url: string) => Layer.fresh(Storage.layerPostgres({ url, blobs }))
      const schemaOf = (url: string) => /search_path=(\w+)/.exec(decodeURIComponent(url))?.[1]
      yield* Effect.provide(put(1), store(first))
      const sql = yield* client(copy)
      const tables = yield* sql.unsafe<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schemaOf(first)}'`
      )
      for (const { name } of tables) {
        yield* sql.unsafe(`CREATE TABLE ${name} (LIKE ${schemaOf(first)}.${name} INCLUDING ALL)`)
        yield* sql.unsafe(`INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM ${schemaOf(first)}.${name}`)
      }
      assert.include(yield* Effect.provide(refusal, store(copy)), "2 run databases keep artifacts there")
      assert.strictEqual((yield* Effect.provide(collect, store(first))).artifacts, 1)
      yield* Effect.provide(put(2), store(copy))
      for (const url of [first, copy])
        assert.include(yield* Effect.provide(refusal, store(url)), "2 run databases keep artifacts there")
    }).pipe(Effect.scoped, realTime)
  )
})
