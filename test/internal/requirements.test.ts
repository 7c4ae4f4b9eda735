/** What the package refuses when it is imported. Real installations are tried by `npm run test:package`. */
import { execFile } from "node:child_process"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { oneEffect } from "../../src/internal/requirements.ts"

const file = pathToFileURL(`${import.meta.dirname}/../../src/internal/requirements.ts`).href

/** A program that does something before it imports the requirements. */
const program = (code: string) =>
  new Promise<{ readonly code: number; readonly stderr: string }>((resolve) => {
    const words = ["--input-type=module", "-e", `${code}; await import(${JSON.stringify(file)})`]
    execFile(process.execPath, words, (error, _, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stderr })
    )
  })

/** A schema whose node is of another copy's class, which has the same name and the same mark. */
const foreign = (): unknown => {
  class String {}
  return { ast: Object.assign(new String(), Schema.String.ast) }
}

describe("the requirements", () => {
  it("are met here", async () => {
    assert.deepStrictEqual(await program(""), { code: 0, stderr: "" })
  })

  it("are one sentence and exit code 1 where Node is too old", async () => {
    for (const version of ["18.20.8", "22.18.0"]) {
      const old = await program(`Object.defineProperty(process.versions, "node", { value: "${version}" })`)
      assert.deepStrictEqual(old, {
        code: 1,
        stderr: `effect-flow needs Node 22.19 or later, and this is Node ${version}.\n`
      })
    }
  })

  it("are one sentence where effect is too old", async () => {
    const old = await program(`(await import("effect/Version")).setCurrentVersion("4.0.5")`)
    assert.deepStrictEqual(old, {
      code: 1,
      stderr: "effect-flow needs effect 4.1 or later, and this is effect 4.0.5: run `npm install effect@latest`.\n"
    })
  })

  it("are an error to a program that catches it", async () => {
    const caught = await program(
      `Object.defineProperty(process.versions, "node", { value: "20.1.0" }); await import(${JSON.stringify(file)}).catch((error) => { console.error(error.name); process.exit(3) })`
    )
    assert.deepStrictEqual(caught, { code: 3, stderr: "RequirementError\n" })
  })

  it("refuse a schema of another copy of effect, and nothing else", () => {
    class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {}
    const own = [
      Schema.String,
      Schema.Array(Schema.Never),
      Schema.Struct({ a: Schema.optionalKey(Schema.Date) }),
      Schema.Literals(["a", "b"]),
      Schema.suspend(() => Schema.String),
      Schema.NumberFromString,
      Point
    ]
    for (const schema of [...own, undefined, 1, { ast: 1 }]) assert.doesNotThrow(() => oneEffect(schema))
    assert.isTrue(SchemaAST.isAST((foreign() as { readonly ast: unknown }).ast))
    assert.throws(() => oneEffect(foreign()), /^This program has two copies of effect: .* Run `npm ls effect`/)
  })
})
