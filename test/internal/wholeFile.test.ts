/** A file that is written: it appears when it is complete, and takes nothing's place that is no file. */
import { execFileSync } from "node:child_process"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as WholeFile from "../../src/internal/wholeFile.ts"
import { temporaryDirectory } from "../support/directory.ts"

const inDirectory = (test: (directory: string) => Promise<void>) => () =>
  Effect.flatMap(temporaryDirectory, (directory) => Effect.promise(() => test(directory)))

const write = async (path: string, text: string) => {
  const file = await WholeFile.begin(path)
  await file.write(Buffer.from(text))
  await file.finish()
}

const assertRejects = async (promise: Promise<unknown>, code: string) => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error
  )
  assert.propertyVal(error, "code", code)
}

describe("a file that is written", () => {
  it.effect(
    "has its name when it is complete",
    inDirectory(async (directory) => {
      const path = join(directory, "a".repeat(255))
      const { finish, write } = await WholeFile.begin(path)
      await write(Buffer.from("all of it"))
      assert.notInclude(await Fs.readdir(directory), "a".repeat(255))
      await finish()
      assert.deepStrictEqual(await Fs.readdir(directory), ["a".repeat(255)])
      assert.strictEqual(await Fs.readFile(path, "utf8"), "all of it")
    })
  )

  it.effect(
    "leaves the one before where it is not finished",
    inDirectory(async (directory) => {
      const path = join(directory, "file")
      await Fs.writeFile(path, "before")
      const { close, write } = await WholeFile.begin(path)
      await write(Buffer.from("a part"))
      await close()
      assert.deepStrictEqual(await Fs.readdir(directory), ["file"])
      assert.strictEqual(await Fs.readFile(path, "utf8"), "before")
    })
  )

  it.effect(
    "is readable by those who could read the one before, also behind a symbolic link",
    inDirectory(async (directory) => {
      const path = join(directory, "file")
      await Fs.writeFile(path, "before", { mode: 0o600 })
      await Fs.symlink("file", join(directory, "link"))
      await write(join(directory, "link"), "after")
      assert.isTrue((await Fs.lstat(join(directory, "link"))).isSymbolicLink())
      assert.strictEqual(await Fs.readFile(path, "utf8"), "after")
      assert.strictEqual((await Fs.stat(path)).mode & 0o777, 0o600)
    })
  )

  it.effect(
    "keeps the mode of the one before, whatever the process takes from new files",
    inDirectory(async (directory) => {
      const path = join(directory, "file")
      await Fs.writeFile(path, "before")
      await Fs.chmod(path, 0o666)
      await write(path, "after")
      assert.strictEqual((await Fs.stat(path)).mode & 0o777, 0o666)
    })
  )

  it.effect(
    "is made where a symbolic link leads that leads nowhere yet",
    inDirectory(async (directory) => {
      await Fs.mkdir(join(directory, "data"))
      await Fs.mkdir(join(directory, "links"))
      await Fs.symlink("../data/second", join(directory, "links", "first"))
      await Fs.symlink("file", join(directory, "data", "second"))
      await write(join(directory, "links", "first"), "all of it")
      assert.isTrue((await Fs.lstat(join(directory, "links", "first"))).isSymbolicLink())
      assert.isTrue((await Fs.lstat(join(directory, "data", "second"))).isSymbolicLink())
      assert.strictEqual(await Fs.readFile(join(directory, "data", "file"), "utf8"), "all of it")
      assert.deepStrictEqual(await Fs.readdir(join(directory, "links")), ["first"])
    })
  )

  it.effect(
    "leaves nothing when the process ends at once",
    inDirectory(async (directory) => {
      const before = process.listeners("exit")
      const { close } = await WholeFile.begin(join(directory, "file"))
      assert.lengthOf(await Fs.readdir(directory), 1)
      for (const listener of process.listeners("exit")) if (!before.includes(listener)) listener(0)
      assert.deepStrictEqual(await Fs.readdir(directory), [])
      await close()
      await write(join(directory, "file"), "all of it")
      assert.deepStrictEqual(process.listeners("exit"), before)
    })
  )

  it.effect(
    "goes into a pipe or a device that has its name",
    inDirectory(async (directory) => {
      const pipe = join(directory, "pipe")
      execFileSync("mkfifo", [pipe])
      const [text] = await Promise.all([Fs.readFile(pipe, "utf8"), write(pipe, "all of it")])
      assert.strictEqual(text, "all of it")
      assert.deepStrictEqual(await Fs.readdir(directory), ["pipe"])
      assert.isTrue((await Fs.stat(pipe)).isFIFO())
    })
  )

  it.effect(
    "fills a pipe as far as it is read, and ends it also where there is nothing to write",
    inDirectory(async (directory) => {
      const pipe = join(directory, "pipe")
      execFileSync("mkfifo", [pipe])
      const long = "0123456789".repeat(100_000)
      const [text] = await Promise.all([Fs.readFile(pipe, "utf8"), write(pipe, long)])
      assert.isTrue(text === long)
      const [none] = await Promise.all([
        Fs.readFile(pipe, "utf8"),
        WholeFile.begin(pipe).then(({ finish }) => finish())
      ])
      assert.strictEqual(none, "")
    })
  )

  it.effect(
    "waits for the reader of a pipe no longer than until it is closed",
    inDirectory(async (directory) => {
      const pipe = join(directory, "pipe")
      execFileSync("mkfifo", [pipe])
      const unread = await WholeFile.begin(pipe)
      const waiting = assertRejects(unread.write(Buffer.from("a")), "ENXIO")
      await unread.close()
      await waiting
      // A reader that does not read: what the pipe has room for is written, and no more.
      const reader = await Fs.open(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
      const full = await WholeFile.begin(pipe)
      await full.write(Buffer.from("a"))
      const filling = full.write(Buffer.alloc(1_000_000)).then(
        () => "written",
        () => "refused"
      )
      await full.close()
      assert.strictEqual(await filling, "refused")
      await reader.close()
    })
  )

  it.effect(
    "is refused where a directory has its name",
    inDirectory(async (directory) => {
      const error = await WholeFile.begin(directory).then(
        () => undefined,
        (error: unknown) => error
      )
      assert.propertyVal(error, "code", "EISDIR")
    })
  )
})
