/**
 * Reading writes nothing: on a full disk, a read-only medium, in another user's store, and beside a process that holds
 * the lock.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ArtifactStore, Gc, Ref, Run, RunStore, Storage } from "effect-flow"
import { temporaryDirectory } from "../../conformance/layers.ts"
import { putRun, putTask, ref, run, task } from "../../conformance/records.ts"
import { mayMount, mounted } from "../../support/mount.ts"

const { ArtifactStore: Artifacts } = ArtifactStore
const { RunStore: Runs } = RunStore

const opened = <A, E>(
  directory: string,
  body: Effect.Effect<A, E, ArtifactStore.ArtifactStore | RunStore.RunStore>,
  readOnly = false
) => Effect.provide(body, Storage.layerLocal({ directory, readOnly }))

/** A run with a large and a small artifact. */
const fill = (directory: string, id = "r") =>
  opened(
    directory,
    Effect.gen(function* () {
      const artifacts = yield* Artifacts
      const { digest } = yield* artifacts.put([new Uint8Array(100_000).fill(id.charCodeAt(0))])
      const small = yield* artifacts.put([new Uint8Array(10)])
      const outputs = [ref("large", digest), ref("small", small.digest)]
      yield* (yield* Runs).write([putRun(run(id, { status: "succeeded" })), putTask(task(id, 1, { outputs }))])
    })
  )

/** Reads everything that there is. */
const readAll = Effect.gen(function* () {
  const artifacts = yield* Artifacts
  const runs = yield* Run.list({})
  for (const one of runs)
    for (const { outputs } of yield* Run.tasks(one))
      for (const { digest } of outputs) {
        const bytes = yield* artifacts.get(digest)
        yield* artifacts.path(digest)
        const path = yield* artifacts.path(digest, ".csv")
        assert.isTrue(path.endsWith(".csv") && Buffer.from(bytes).equals(Fs.readFileSync(path)))
      }
  return runs.map(({ id }) => id)
})

const entries = (directory: string): ReadonlyArray<string> =>
  (Fs.readdirSync(directory, { recursive: true }) as Array<string>)
    .filter((name) => Fs.statSync(Path.join(directory, name)).isFile())
    .map((name) => `${name} ${Fs.statSync(Path.join(directory, name)).mtimeMs}`)
    .filter((name) => !/-(wal|shm) /.test(name)) // SQLite's own shared memory
    .toSorted()

const isRoot = process.getuid?.() === 0
if (!isRoot) console.info("Skipped: a store of another user, because this user is not root.")

describe("reading a store", () => {
  it.live("changes no file", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* fill(directory)
      const before = entries(directory)
      assert.deepStrictEqual(yield* opened(directory, readAll, true), ["r"])
      assert.deepStrictEqual(entries(directory), before)
    }).pipe(Effect.scoped)
  )

  it.live("gives files their extensions in a directory that goes with the store", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* fill(directory)
      const paths = yield* opened(
        directory,
        Effect.flatMap(Run.task("r", "step"), ({ outputs }) => Effect.forEach(outputs, Ref.path)),
        true
      )
      for (const path of paths) {
        assert.isFalse(path.startsWith(directory))
        assert.isFalse(Fs.existsSync(Path.dirname(path)))
      }
    }).pipe(Effect.scoped)
  )

  it.live("refuses to write, in a sentence", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* fill(directory)
      yield* opened(
        directory,
        Effect.gen(function* () {
          const runs = yield* Runs
          const artifacts = yield* Artifacts
          assert.include((yield* Effect.flip(runs.write([putRun(run("s"))]))).message, "was opened for reading only")
          assert.include(
            (yield* Effect.flip(artifacts.put([new Uint8Array(5)]))).message,
            "was opened for reading only"
          )
          assert.include(
            (yield* Effect.flip(artifacts.put([new Uint8Array(100_000)]))).message,
            "was opened for reading only"
          )
        }),
        true
      )
    }).pipe(Effect.scoped)
  )

  it.live("does not wait for a process that holds the lock", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* fill(directory)
      const writer = new DatabaseSync(Path.join(directory, "runs.sqlite"))
      writer.exec("BEGIN IMMEDIATE; UPDATE runs SET flow = 'other'")
      const began = process.hrtime.bigint()
      assert.deepStrictEqual(yield* opened(directory, readAll, true), ["r"])
      assert.isBelow(Number(process.hrtime.bigint() - began) / 1e6, 2000)
      writer.close()
    }).pipe(Effect.scoped)
  )

  it.live("sees what a writer adds after it was opened", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* fill(directory, "a")
      yield* opened(
        directory,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* readAll, ["a"])
          yield* fill(directory, "b")
          assert.deepStrictEqual(yield* readAll, ["b", "a"])
        }),
        true
      )
    }).pipe(Effect.scoped)
  )

  it.live("says that a store is gone that was there, and goes on with one that takes its place", () =>
    Effect.gen(function* () {
      const directory = Path.join(yield* temporaryDirectory, "store")
      const other = `${directory}-other`
      yield* fill(directory, "a")
      yield* fill(other, "b")
      yield* opened(
        directory,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* readAll, ["a"])
          Fs.renameSync(directory, `${directory}-away`)
          for (const _ of ["once", "twice"]) {
            const { message } = yield* Effect.flip(Run.list({}))
            assert.match(
              message,
              /runs\.sqlite could not be read: it is gone: it was removed, or has another name now\.$/
            )
          }
          const file = Path.join(directory, "runs.sqlite")
          Fs.mkdirSync(file, { recursive: true })
          assert.match(
            (yield* Effect.flip(Run.list({}))).message,
            /runs\.sqlite could not be read: it is a directory, not a file\.$/
          )
          Fs.rmdirSync(file)
          Fs.writeFileSync(file, "")
          assert.match(
            (yield* Effect.flip(Run.list({}))).message,
            /could not be read: another file took its place, which is not a run database of this version \(no such table: runs\)\.$/
          )
          Fs.rmSync(directory, { recursive: true })
          Fs.renameSync(other, directory)
          assert.deepStrictEqual(yield* readAll, ["b"])
          Fs.renameSync(directory, other)
          Fs.renameSync(`${directory}-away`, directory)
          assert.deepStrictEqual(yield* readAll, ["a"])
        }),
        true
      )
    })
  )

  it.live("reads a store of an older version that it may not migrate", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const fixture = fileURLToPath(new URL("../../fixtures/store-0.1.0", import.meta.url))
      Fs.cpSync(fixture, directory, { recursive: true })
      const writer = new DatabaseSync(Path.join(directory, "runs.sqlite"))
      writer.exec("BEGIN IMMEDIATE")
      assert.strictEqual((yield* opened(directory, readAll, true)).length, 3)
      writer.close()
    }).pipe(Effect.scoped)
  )

  for (const left of ["", " with a log that a killed process left"]) {
    it.live.skipIf(!mayMount)(`works on a full disk and on a read-only one${left}`, () =>
      Effect.gen(function* () {
        const directory = yield* mounted("size=8m")
        yield* fill(directory)
        if (left !== "") {
          const copy = Fs.mkdtempSync(Path.join(tmpdir(), "effect-flow-log-"))
          const writer = new DatabaseSync(Path.join(directory, "runs.sqlite"))
          writer.exec("INSERT INTO run_tags VALUES ('r', 'late')")
          for (const suffix of ["", "-wal"])
            Fs.copyFileSync(Path.join(directory, `runs.sqlite${suffix}`), Path.join(copy, `c${suffix}`))
          writer.close()
          for (const suffix of ["", "-wal"])
            Fs.copyFileSync(Path.join(copy, `c${suffix}`), Path.join(directory, `runs.sqlite${suffix}`))
          Fs.rmSync(copy, { recursive: true })
        }
        const filler = Fs.openSync(Path.join(directory, "filler"), "w")
        try {
          for (;;) if (Fs.writeSync(filler, new Uint8Array(4096)) === 0) break
        } catch {
          // It is full now.
        }
        Fs.closeSync(filler)
        const tags = Effect.map(Run.get("r"), (found) => found.tags)
        assert.deepStrictEqual(yield* opened(directory, readAll, true), ["r"])
        assert.deepStrictEqual(yield* opened(directory, tags, true), left === "" ? [] : ["late"])
        execFileSync("mount", ["-o", "remount,ro", directory], { stdio: "ignore" })
        assert.deepStrictEqual(yield* opened(directory, readAll, true), ["r"])
        assert.deepStrictEqual(yield* opened(directory, tags, true), left === "" ? [] : ["late"])
      }).pipe(Effect.scoped)
    )
  }

  it.live.skipIf(!mayMount)("gc frees a full disk, and a run on it fails with a sentence and loses nothing", () =>
    Effect.gen(function* () {
      const directory = yield* mounted("size=8m")
      yield* fill(directory, "a")
      yield* fill(directory, "b")
      const filler = Fs.openSync(Path.join(directory, "filler"), "w")
      try {
        for (;;) if (Fs.writeSync(filler, new Uint8Array(4096)) === 0) break
      } catch {
        // It is full now.
      }
      Fs.closeSync(filler)
      const error = yield* Effect.flip(fill(directory, "c"))
      assert.match(error.message, /no space is left|disk is full/)
      assert.deepStrictEqual(yield* opened(directory, readAll, true), ["b", "a"])
      const collected = yield* opened(directory, Gc.collect({ keepRuns: 1, grace: 0 }))
      assert.deepStrictEqual(collected.runs, ["a"])
      assert.isAtLeast(collected.artifacts, 1)
      yield* fill(directory, "d")
      assert.deepStrictEqual(yield* opened(directory, readAll, true), ["d", "b"])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!isRoot)("works in another user's store, and two users of a group share one", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      Fs.chmodSync(directory, 0o755)
      const alien = Path.join(directory, "alien")
      yield* fill(alien)
      const shared = Path.join(directory, "shared")
      Fs.mkdirSync(shared)
      Fs.chownSync(shared, 0, 4242)
      Fs.chmodSync(shared, 0o2775)
      yield* fill(shared, "a")
      const as = (uid: number): string =>
        execFileSync(process.execPath, [fileURLToPath(new URL("otherUser.ts", import.meta.url)), directory], {
          encoding: "utf8",
          env: { ...process.env, TEST_UID: String(uid), TEST_GID: "4242" }
        }).trim()
      assert.deepStrictEqual(as(12_345).split("\n"), ["r", "b a"])
      // And the first user goes on with what the second one wrote.
      yield* fill(shared, "c")
      assert.deepStrictEqual(yield* opened(shared, readAll, true), ["c", "b", "a"])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!isRoot)(
    "says that its directory can't be searched, and loses nothing where that happens in use",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        Fs.chmodSync(directory, 0o755)
        yield* fill(Path.join(directory, "closed", "store"))
        Fs.chmodSync(Path.join(directory, "closed"), 0o700)
        Fs.mkdirSync(Path.join(directory, "closing"), { mode: 0o700 })
        Fs.chownSync(Path.join(directory, "closing"), 12_345, 4242)
        const lines = execFileSync(
          process.execPath,
          [fileURLToPath(new URL("otherUser.ts", import.meta.url)), directory],
          { encoding: "utf8", env: { ...process.env, TEST_UID: "12345", TEST_GID: "4242", TEST_CLOSED: "yes" } }
        ).trim()
        const [reading, writing, ids] = lines.split("\n")
        assert.match(
          reading ?? "",
          /could not be opened: it can't be opened\. Check its permissions and those of its directory\.$/
        )
        assert.match(writing ?? "", /^The store directory .* can't be written: permission denied \(EACCES\)\./)
        assert.strictEqual(ids, "before after")
      }).pipe(Effect.scoped)
  )
})
