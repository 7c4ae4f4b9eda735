/**
 * What the compiler must reject, and what it must say; and how the types of steps, tasks, states and flows read when an
 * editor shows them. Every snippet is a file of its own, all are compiled by one run of `tsc`.
 */
import { assert, beforeAll, describe, it } from "vitest"
import { compile } from "./support/compile.ts"
import { accepted, prelude, rejected, shown } from "./types/snippets.ts"

const file = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`

const imports = `import { Effect, Layer, Schema } from "effect"
import { Artifact, Flow, FlowCli, Ref, Run, Step, Storage } from "effect-flow"
import { baseline, compare, data, declared, flow, join, score, scored, scores, service, start, train, trained, TrainingDiverged, Weights } from "./prelude.ts"
`

let messages: ReadonlyMap<string, string>

beforeAll(async () => {
  messages = await compile("effect-flow-types", {
    "prelude.ts": prelude,
    ...Object.fromEntries([...rejected, ...accepted].map(({ code, name }) => [file(name), `${imports}${code}\n`])),
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

describe("accepts", () => {
  for (const { name } of accepted) {
    it(name, () => {
      assert.strictEqual(messages.get(file(name)), undefined)
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

describe("what the compiler says", () => {
  it("never names a phantom", () => {
    for (const [, said] of messages) assert.notMatch(said, /~wrote|~types|\[wrote\]|\[types\]|outsideSteps/)
  })

  it("gives no advice about undefined, except about an effect that is handed to Effect itself", () => {
    const effects = /(Argument of )?[Tt]ype 'Effect<.*is not assignable to (parameter of )?type 'Effect</
    for (const [, said] of messages) {
      for (const line of said.split("\n")) if (line.includes("Consider adding 'undefined'")) assert.match(line, effects)
    }
  })
})
