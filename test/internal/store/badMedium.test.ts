/** What the system may refuse a store: files, inodes, the disk itself. A sentence each, and nothing lost. */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ArtifactStore, Flow, Gc, Run, Storage } from "effect-flow"
import { temporaryDirectory } from "../../conformance/layers.ts"
import { mayMount, mounted, unmount } from "../../support/mount.ts"
import * as LargeFlow from "./largeFlow.ts"

let whileRunning = (): void => undefined
const flow = LargeFlow.make("BadMedium", () => whileRunning())

/** How a run on a store ended: "ran", or why it did not. */
const attempt = (directory: string): Effect.Effect<string> =>
  Flow.run(flow, {}).pipe(
    Effect.provide(Storage.layerLocal({ directory })),
    Effect.match({ onFailure: (error) => error.message, onSuccess: () => "ran" })
  )

const hasUlimit = process.platform !== "win32"
if (!hasUlimit) console.info("Skipped: a process without file descriptors, because Windows has no ulimit.")

describe("a local store", () => {
  it.live.skipIf(!hasUlimit)("says that too many files are open, when it opens and while a run goes on", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const program = fileURLToPath(new URL("openFiles.ts", import.meta.url))
      const lines = execFileSync(
        "sh",
        ["-c", 'ulimit -n 256; exec "$0" "$1" "$2"', process.execPath, program, directory],
        { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
      )
      const [first, ...more] = lines
        .trim()
        .split("\n")
        .map((line): unknown => JSON.parse(line))
      assert.strictEqual(first, "ran")
      for (const message of more.slice(0, 6))
        assert.match(
          String(message),
          /^The run database .* could not be opened: too many files are open\. Close some, or allow the process more of them \(ulimit -n\)\.$/
        )
      const [during, after, runs] = more.slice(6)
      assert.match(String(during), /^An artifact can't be written to .*: too many files are open \(EMFILE\)\.$/)
      assert.strictEqual(after, "ran")
      assert.strictEqual(runs, 3)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!mayMount)("says that the disk is out of inodes, wherever that is found", () =>
    Effect.gen(function* () {
      for (const inodes of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const message = yield* Effect.scoped(
          Effect.flatMap(mounted(`size=8m,nr_inodes=${inodes}`), (directory) => attempt(Path.join(directory, "store")))
        )
        assert.match(message, /it is out of inodes\). Remove files that nobody needs/, `${inodes} inodes`)
      }
    })
  )

  it.live.skipIf(!mayMount)("loses nothing on a disk that runs out of inodes", () =>
    Effect.gen(function* () {
      const disk = yield* mounted("size=8m,nr_inodes=30")
      const directory = Path.join(disk, "store")
      assert.strictEqual(yield* attempt(directory), "ran")
      const made: Array<string> = []
      try {
        for (;;) {
          const path = Path.join(disk, String(made.length))
          Fs.writeFileSync(path, "")
          made.push(path)
        }
      } catch {
        // There is room for no other file now.
      }
      assert.include(yield* attempt(directory), "out of inodes")
      const ids = Effect.map(Run.list({}), (runs) => runs.map(({ status }) => status))
      assert.deepStrictEqual(yield* Effect.provide(ids, Storage.layerLocal({ directory, readOnly: true })), [
        "succeeded"
      ])
      for (const path of made) Fs.rmSync(path)
      assert.strictEqual(yield* attempt(directory), "ran")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!mayMount)("is collected on a disk that the first process to use it has filled", () =>
    Effect.gen(function* () {
      const directory = Path.join(yield* mounted("size=8m"), "store")
      const fill = Effect.fnUntraced(function* (size: number) {
        const store = yield* ArtifactStore.ArtifactStore
        for (let value = 0; ; value++) yield* store.put([new Uint8Array(size).fill(value)])
      })
      const full = Effect.andThen(Effect.flip(fill(300_000)), Effect.flip(fill(60_000)))
      assert.include(
        (yield* Effect.provide(full, Storage.layerLocal({ directory }))).message,
        "no space is left on the disk"
      )
      const collected = yield* Effect.provide(Gc.collect({ grace: 0 }), Storage.layerLocal({ directory }))
      assert.isAbove(collected.artifacts, 10)
      assert.strictEqual(yield* attempt(directory), "ran")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!mayMount)("says that it was unmounted while a run went on, and writes nothing in its place", () =>
    Effect.gen(function* () {
      const disk = yield* mounted("size=8m")
      whileRunning = () => unmount(disk)
      const message = yield* attempt(Path.join(disk, "store"))
      whileRunning = () => undefined
      assert.match(message, /is gone: it was deleted, moved or unmounted while the store was in use/)
      assert.deepStrictEqual(Fs.readdirSync(disk), [])
    }).pipe(Effect.scoped)
  )

  it.live("says that a database is another program's, or is a directory, and that the blobs are a file", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = Path.join(directory, "runs.sqlite")
      const database = new DatabaseSync(file)
      database.exec("CREATE TABLE users (id INTEGER)")
      database.close()
      const before = Fs.readFileSync(file)
      assert.strictEqual(
        yield* attempt(directory),
        `The run database ${file} is a database of another program: it has tables, but no runs. Nothing in it was changed; choose another directory for the store, or move the file away.`
      )
      assert.isTrue(before.equals(Fs.readFileSync(file)))
      Fs.rmSync(file)
      Fs.mkdirSync(file)
      assert.strictEqual(
        yield* attempt(directory),
        `The run database ${file} could not be opened: it is a directory, not a file.`
      )
      Fs.rmSync(file, { recursive: true })
      const blobs = Path.join(directory, "blobs")
      Fs.rmSync(blobs, { recursive: true })
      Fs.writeFileSync(blobs, "")
      assert.include(yield* attempt(directory), `The store directory ${blobs} can't be written: `)
    }).pipe(Effect.scoped)
  )
})
