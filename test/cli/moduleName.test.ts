/** What `--module` may name, and how many command lines a program may have. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterAll } from "vitest"
import { find } from "../../src/internal/cli/moduleName.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { run } from "./process.ts"

const directory = realpathSync(mkdtempSync(join(tmpdir(), "effect-flow-module-")))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const write = (path: string, text: string): string => {
  const file = join(directory, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

/** Installs a package with three files and these fields. */
const install = (name: string, manifest: object) => {
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", type: "module", ...manifest }))
  return ["index.js", "nightly.js", "hourly.js"].map((file) => write(`node_modules/${name}/${file}`, "export {}\n"))
}

describe("--module", () => {
  it("is a file, before a package of that name", () => {
    const file = write("flow.ts", "")
    assert.strictEqual(find("flow.ts", directory), file)
    assert.strictEqual(find("./flow.ts", directory), file)
    assert.strictEqual(find(file, "/"), file)
    assert.isUndefined(find("./missing.ts", directory))
  })

  it("is a package, or what a package exports, however it exports it", () => {
    const [index, nightly, hourly] = install("@me/flows", {
      exports: { ".": { types: "./index.d.ts", import: "./index.js" }, "./*": { import: { node: "./*.js" } } }
    })
    assert.strictEqual(find("@me/flows", directory), index)
    assert.strictEqual(find("@me/flows/nightly", directory), nightly)
    assert.strictEqual(find("@me/flows/hourly", directory), hourly)
    const [plain] = install("flows", { main: "index.js" })
    assert.strictEqual(find("flows", directory), plain)
    const [sugar] = install("sugar", { exports: "./index.js" })
    assert.strictEqual(find("sugar", directory), sugar)
    const [only] = install("import-only", { exports: { import: "./index.js" } })
    assert.strictEqual(find("import-only", directory), only)
    assert.isUndefined(find("import-only/nightly", directory))
    assert.isUndefined(find("@me/missing", directory))
  })
})

describe("FlowCli.main", () => {
  it.live("refuses to be called twice by one program, and runs neither flow", () =>
    Effect.gen(function* () {
      const store = join(yield* temporaryDirectory, "store")
      const twice = join(import.meta.dirname, "fixtures", "twice.ts")
      const ended = yield* run(twice, ["--directory", store])
      assert.strictEqual(ended.code, 2)
      assert.strictEqual(ended.stdout, "")
      assert.match(ended.stderr, /^This program calls FlowCli\.main for "OneFlow" and "TwoFlow", but .*\n$/)
    })
  )
})
