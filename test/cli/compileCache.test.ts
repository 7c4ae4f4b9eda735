/**
 * The caches of compiled code, Node's and tsx's, change nothing but the time that a start takes, whatever state they are in,
 * and are complete when the process has ended.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"
import { flowFile, run } from "./process.ts"

describe("the cache of compiled code", () => {
  it.live("is made, and does no harm when it is damaged or can't be written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const help = (cache: string) =>
        // Node's own default, which a user without a variable has, lies in the directory for temporary files.
        run(flowFile, ["--help"], { by: "node", env: { NODE_COMPILE_CACHE: "", TMPDIR: cache } })
      const cache = join(directory, "cache")
      mkdirSync(cache)
      const first = yield* help(cache)
      assert.strictEqual(first.code, 0, first.stderr)
      const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      assert.isNotEmpty(files)
      for (const [index, { name, parentPath }] of files.entries())
        writeFileSync(join(parentPath, name), index % 2 === 0 ? "" : Buffer.alloc(5000, index))
      assert.deepStrictEqual(yield* help(cache), first)
      const blocked = join(directory, "file")
      writeFileSync(blocked, "")
      assert.deepStrictEqual(yield* help(blocked), first) // nothing can be written below a file, not even by root
    })
  )

  it.live("of tsx is complete when the process has ended", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const { code, stderr } = yield* run(flowFile, ["--help"], { by: "tsx", env: { TMPDIR: directory } })
      assert.strictEqual(code, 0, stderr)
      const [cache = ""] = readdirSync(directory).filter((name) => name.startsWith("tsx-"))
      const files = readdirSync(join(directory, cache)).filter((name) => /^\d+-[0-9a-f]+$/.test(name))
      assert.isNotEmpty(files)
      for (const name of files) JSON.parse(readFileSync(join(directory, cache, name), "utf8"))
    })
  )
})
