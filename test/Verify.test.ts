/** `Verify`: faults of every kind are planted in a store, found, and repaired where another copy can. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ArtifactStore, RunStore, Storage, Verify } from "effect-flow"
import * as Digest from "../src/internal/schema/digest.ts"
import { temporaryDirectory } from "./conformance/layers.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"

const opened = <A, E>(
  directory: string,
  body: Effect.Effect<A, E, ArtifactStore.ArtifactStore | RunStore.RunStore>,
  readOnly = false
) => Effect.provide(body, Storage.layerLocal({ directory, readOnly }))

const large = (n: number): Uint8Array => new Uint8Array(70_000).fill(n)
const small = (n: number): Uint8Array => new TextEncoder().encode(`small ${n}`)

/** Runs `run0` to `run9`, each with two tasks that wrote two large and two small artifacts: 20 of each kind. */
const filled = Effect.tap(temporaryDirectory, (directory) =>
  opened(
    directory,
    Effect.gen(function* () {
      const artifacts = yield* ArtifactStore.ArtifactStore
      const runs = yield* RunStore.RunStore
      for (let n = 0; n < 10; n++) {
        const id = `run${n}`
        yield* runs.write([putRun(run(id, { status: "succeeded" }))])
        for (const index of [1, 2]) {
          const which = n * 2 + index
          const { digest } = yield* artifacts.put([large(which)])
          const bytes = small(which)
          const inline = Digest.ofChunks([bytes])
          const written = (name: string, of: string, size: number) => ({
            ...ref(name, of),
            size,
            writer: `${id}/step/${index}`
          })
          yield* runs.write([
            putTask(
              task(id, index, {
                outputs: [written("large", digest, 70_000), written("small", inline, bytes.length)]
              }),
              { blobs: [{ digest: inline, bytes }] }
            )
          ])
        }
      }
    })
  )
)

const pathOf = (directory: string, digest: string): string => Path.join(directory, "blobs", digest.slice(0, 2), digest)
const largeAt = (directory: string, n: number): string => pathOf(directory, Digest.ofChunks([large(n)]))
const digestOfSmall = (n: number): string => Digest.ofChunks([small(n)])

const sql = (directory: string, ...statements: ReadonlyArray<string>): void => {
  const database = new DatabaseSync(Path.join(directory, "runs.sqlite"))
  for (const statement of statements) database.exec(statement)
  database.close()
}

/** Plants 30 faults, 8 of which another copy in the store can repair. */
const plant = async (directory: string): Promise<void> => {
  const at = (n: number): string => largeAt(directory, n)
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]) await Fs.chmod(at(n), 0o644)
  const flip = async (n: number): Promise<void> => {
    const bytes = await Fs.readFile(at(n))
    bytes[n * 100] = (bytes[n * 100] ?? 0) ^ 1
    await Fs.writeFile(at(n), bytes)
  }
  for (const n of [1, 2, 3, 4]) await flip(n) // 4 flipped bits
  for (const n of [5, 6]) await Fs.truncate(at(n), 100) // 2 cut short
  await Fs.truncate(at(7), 0) // 1 empty, as after a power cut
  for (const n of [8, 9, 10]) await Fs.rm(at(n)) // 3 gone
  // 3 in another digest's directory: repairable.
  const elsewhere = Path.join(directory, "blobs", "zz")
  await Fs.mkdir(elsewhere)
  for (const n of [11, 12, 13]) await Fs.rename(at(n), Path.join(elsewhere, Path.basename(at(n))))
  // 1 set apart by mistake: repairable.
  await Fs.mkdir(Path.join(directory, "blobs", "damaged"), { recursive: true })
  await Fs.rename(at(14), Path.join(directory, "blobs", "damaged", Path.basename(at(14))))
  // 2 small ones damaged with an intact file beside: repairable.
  for (const n of [1, 2]) {
    await Fs.mkdir(Path.dirname(pathOf(directory, digestOfSmall(n))), { recursive: true })
    await Fs.writeFile(pathOf(directory, digestOfSmall(n)), small(n))
  }
  const where = (n: number): string => `WHERE digest = '${digestOfSmall(n)}'`
  sql(
    directory,
    ...[1, 2, 3, 4, 5].map((n) => `UPDATE blobs SET bytes = x'00' ${where(n)}`), // and 3 damaged without one
    ...[6, 7].map((n) => `DELETE FROM blobs ${where(n)}`), // 2 gone
    ...[8, 9].map((n) => `UPDATE blobs SET size = 1 ${where(n)}`), // 2 of a wrong size: repairable
    "UPDATE runs SET parameters = '{' WHERE id = 'run8'", // 3 records
    "UPDATE runs SET status = 'odd' WHERE id = 'run9'",
    "UPDATE tasks SET attempts = '[' WHERE run = 'run7' AND number = 1",
    "UPDATE tasks SET outputs = '[1]' WHERE run = 'run7' AND number = 2",
    "INSERT INTO logs (run, task, attempt, at, level, message) VALUES ('nowhere', 'a/1', 1, 0, 'Info', 'x')",
    "INSERT INTO run_tags VALUES ('nowhere', 'x')",
    "DELETE FROM schemas"
  )
}

describe("Verify.check", () => {
  it.live("finds nothing in a sound store", () =>
    Effect.gen(function* () {
      const directory = yield* filled
      sql(directory, "INSERT OR IGNORE INTO schemas SELECT json_extract(outputs, '$[0].schema'), '{}' FROM tasks")
      const report = yield* opened(directory, Verify.check(), true)
      assert.deepStrictEqual(report, { faults: [], runs: 10, artifacts: 40 })
      assert.strictEqual(Verify.toText(report), "10 runs and 40 intact artifacts checked. No fault found.")
    }).pipe(Effect.scoped)
  )

  it.live("finds 30 planted faults, repairs what another copy can, and says what to do about the rest", () =>
    Effect.gen(function* () {
      const directory = yield* filled
      yield* Effect.promise(() => plant(directory))
      const count = (faults: ReadonlyArray<Verify.Fault>) =>
        Object.fromEntries(
          [...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, all]) => [kind, all.length]).toSorted()
        )
      const planted = { altered: 12, missing: 5, misplaced: 4, record: 7, size: 2 }
      const found = yield* opened(directory, Verify.check(), true)
      assert.deepStrictEqual(count(found.faults), planted)
      assert.isTrue(found.faults.every(({ repaired }) => !repaired))
      for (const fault of found.faults) {
        assert.match(fault.message, /^[A-Z].*\.$/)
        assert.match(fault.advice, /^[A-Z].*\.$/)
      }
      const altered = found.faults.find(({ digest }) => digest === Digest.ofChunks([large(1)]))
      assert.deepStrictEqual(altered?.runs, ["run0"])
      assert.include(altered?.advice, "Resume run run0 to execute the task that wrote it again")

      const repaired = yield* opened(directory, Verify.check({ repair: true }))
      assert.deepStrictEqual(count(repaired.faults), planted)
      assert.deepStrictEqual(count(repaired.faults.filter((fault) => fault.repaired)), {
        altered: 2,
        misplaced: 4,
        size: 2
      })
      assert.match(Verify.toText(repaired), /30 faults found, 8 repaired\.$/)
      const left = yield* opened(directory, Verify.check(), true)
      assert.strictEqual(left.faults.length, 22)
      // What was repaired can be read.
      yield* opened(
        directory,
        Effect.gen(function* () {
          const artifacts = yield* ArtifactStore.ArtifactStore
          for (const n of [11, 12, 13, 14]) yield* artifacts.get(Digest.ofChunks([large(n)]))
          for (const n of [1, 2, 8, 9]) yield* artifacts.get(digestOfSmall(n))
          // What was not counts as missing, so a resumed run writes it again.
          const unrepaired = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => Digest.ofChunks([large(n)]))
          assert.deepStrictEqual(yield* artifacts.touch(unrepaired), new Set())
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("changes nothing without repair", () =>
    Effect.gen(function* () {
      const directory = yield* filled
      yield* Effect.promise(() => plant(directory))
      const blobs = () => Effect.promise(async () => (await Fs.readdir(directory, { recursive: true })).toSorted())
      const before = (yield* blobs()).filter((name) => !name.includes("-"))
      yield* opened(directory, Verify.check(), true)
      assert.deepStrictEqual(
        (yield* blobs()).filter((name) => !name.includes("-")),
        before
      )
    }).pipe(Effect.scoped)
  )
})
