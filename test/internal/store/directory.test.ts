/** Where a store is found: the rule of `Storage.layerLocal` and of every verb. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll } from "vitest"
import { find, show } from "../../../src/internal/store/directory.ts"

const root = realpathSync(mkdtempSync(join(tmpdir(), "effect-flow-directory-")))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Makes a tree of its own for a test: names that end in "/" are directories. */
const tree = (name: string, ...entries: ReadonlyArray<string>): ((path: string) => string) => {
  const at = (path: string) => join(root, name, path)
  for (const entry of entries) {
    mkdirSync(at(entry.endsWith("/") ? entry : join(entry, "..")), { recursive: true })
    if (!entry.endsWith("/")) writeFileSync(at(entry), "{}")
  }
  return at
}

describe("a store's directory", () => {
  it("is that of the working directory, before any parent's", () => {
    const at = tree("here", "a/.effect-flow/", ".effect-flow/", "a/b/")
    assert.strictEqual(find(at("a"), {}), at("a/.effect-flow"))
  })

  it("is the nearest parent's that has one, even beyond a package.json", () => {
    const at = tree("parent", ".effect-flow/", "package.json", "packages/app/package.json", "packages/app/src/deep/")
    assert.strictEqual(find(at("packages/app/src/deep"), {}), at(".effect-flow"))
  })

  it("is beside the nearest package.json, where there is none yet", () => {
    const at = tree("package", "package.json", "packages/app/package.json", "packages/app/src/deep/")
    assert.strictEqual(find(at("packages/app/src/deep"), {}), at("packages/app/.effect-flow"))
    assert.strictEqual(find(at("packages"), {}), at(".effect-flow"))
  })

  it("is in the working directory, where nothing above says otherwise", () => {
    const at = tree("bare", "a/")
    assert.strictEqual(find(at("a"), {}), at("a/.effect-flow"))
  })

  it("is not a file of that name", () => {
    const at = tree("file", "a/.effect-flow", ".effect-flow/")
    assert.strictEqual(find(at("a"), {}), at(".effect-flow"))
  })

  it("is what EFFECT_FLOW_DIRECTORY names, from the working directory", () => {
    const at = tree("variable", ".effect-flow/", "a/")
    assert.strictEqual(find(at("a"), { EFFECT_FLOW_DIRECTORY: "elsewhere" }), at("a/elsewhere"))
    assert.strictEqual(find(at("a"), { EFFECT_FLOW_DIRECTORY: "/var/runs" }), "/var/runs")
    assert.strictEqual(find(at("a"), { EFFECT_FLOW_DIRECTORY: "" }), at(".effect-flow"))
  })

  it("is shown from the working directory, where that is shorter", () => {
    assert.strictEqual(show("/srv/app/.effect-flow", "/srv/app"), ".effect-flow")
    assert.strictEqual(show("/srv/app/.effect-flow", "/srv/app/src"), "../.effect-flow")
    assert.strictEqual(show("/runs", "/srv/app/src/deep"), "/runs")
  })
})
