/**
 * What the compiler must reject, and what it must say; and how the types of steps, tasks, states and flows read when an
 * editor shows them. Every snippet is a file of its own, all are compiled by one run of `tsc`.
 */
import { assert, beforeAll, describe, it } from "vitest"
import { compile } from "./support/compile.ts"
import { prelude, rejected, shown } from "./types/snippets.ts"

const file = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`

const imports = `import { Effect, Layer, Schema } from "effect"
import { Artifact, Flow, Ref, Step, Storage } from "effect-flow"
import { baseline, compare, data, declared, flow, join, score, scores, service, start, train, TrainingDiverged, Weights } from "./prelude.ts"
`

let messages: ReadonlyMap<string, string>

beforeAll(async () => {
  messages = await compile("effect-flow-types", {
    "prelude.ts": prelude,
    ...Object.fromEntries(rejected.map(({ code, name }) => [file(name), `${imports}${code}\n`])),
    ...Object.fromEntries(shown.map(({ code, name }) => [file(name), `${imports}const shown: never = ${code}\n`]))
  })
}, 120_000)

it("the steps that the snippets use compile", () => {
  assert.strictEqual(messages.get("prelude.ts"), undefined)
})

describe("rejects", () => {
  for (const { name, message } of rejected) {
    it(name, () => {
      const said = messages.get(file(name)) ?? ""
      assert.include(said, message)
    })
  }
})

describe("shows", () => {
  for (const { name, type } of shown) {
    it(name, () => {
      const said = /Type '([\s\S]*?)' is not assignable to type 'never'/.exec(messages.get(file(name)) ?? "")
      assert.strictEqual(said?.[1], type)
    })
  }
})
