/**
 * What the compiler must reject, and what it must say; how the types of steps, tasks, states and flows read when an editor
 * shows them; and that the code in the README and in docstrings compiles. Every snippet is a file of its own, and one run of
 * `tsc` compiles them all, because most of its time goes into the sources that they share.
 */
import { assert, beforeAll, describe, it } from "vitest"
import { compile } from "./support/compile.ts"
import { examples, publicExports } from "./support/docstrings.ts"
import { blocks } from "./support/readme.ts"
import { asModule, given } from "./types/examples.ts"
import { accepted, prelude, rejected, saidOnce, shown } from "./types/snippets.ts"

const file = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`

const imports = `import { Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Artifact, CurrentTask, Flow, FlowCli, Ref, Run, Step, Storage } from "effect-flow"
import { baseline, compare, data, declared, flow, join, score, scored, scores, service, start, train, trained, TrainingDiverged, Weights, Reviews } from "./prelude.ts"
`

// The README's first program, and what the compiler says of it without a branch.
const [words = "", ...others] = blocks("ts")
const forgot = words.replace(", longest: longest(data) })", " })")
const block = (index: number) => `block-${index}.ts`

// `RunStore` is a module and a service in it, so the number of the export is part of the name.
const documented = publicExports().flatMap(({ docstring, module, name }, index) =>
  examples(docstring).map((code, example) => ({
    name: `${module}.${name}${example === 0 ? "" : `, ${example + 1}`}`,
    file: `example-${index}-${example}.ts`,
    code
  }))
)

let messages: ReadonlyMap<string, string>

beforeAll(async () => {
  messages = await compile("effect-flow-types", {
    "prelude.ts": prelude,
    "given.ts": given,
    "words.ts": words,
    "forgot.ts": forgot,
    ...Object.fromEntries(others.map((code, index) => [block(index), code])),
    ...Object.fromEntries(documented.map(({ code, file }) => [file, asModule(code)])),
    ...Object.fromEntries(
      [...rejected, ...saidOnce, ...accepted].map(({ code, name }) => [file(name), `${imports}${code}\n`])
    ),
    ...Object.fromEntries(shown.map(({ code, name }) => [file(name), `${imports}const shown: never = ${code}\n`]))
  })
})

it("the steps that the snippets use compile", () => {
  assert.strictEqual(messages.get("prelude.ts"), undefined)
})

describe("the README's code", () => {
  it("compiles", () => {
    assert.isAbove(others.length, 2)
    assert.strictEqual(messages.get("words.ts"), undefined)
    for (let i = 0; i < others.length; i++) assert.strictEqual(messages.get(block(i)), undefined)
  })

  it("is refused without a branch, as shown", () => {
    assert.notStrictEqual(forgot, words)
    const said = (messages.get("forgot.ts") ?? "").trim()
    assert.include(said, "join forgot branch")
    assert.isTrue(
      blocks("text").some((shown) => shown.trim().replace(/^.*?: (?=error)/, "") === said),
      `the README does not show what the compiler says: ${said}`
    )
  })
})

describe("examples in docstrings", () => {
  it("compile", () => {
    assert.isAbove(documented.length, 100)
    assert.strictEqual(messages.get("given.ts"), undefined)
    const failures = documented.flatMap(({ file, name }) => {
      const said = messages.get(file)
      return said === undefined ? [] : [`${name}: ${said}`]
    })
    assert.deepStrictEqual(failures, [])
  })
})

describe("rejects", () => {
  for (const { name, message } of rejected) {
    it(name, () => {
      const said = messages.get(file(name)) ?? ""
      assert.include(said, message)
    })
  }
})

describe("says one thing of", () => {
  for (const { name, message } of saidOnce) {
    it(name, () => {
      const said = (messages.get(file(name)) ?? "").match(/error TS\d+: .*/g) ?? []
      assert.lengthOf(said, 1)
      assert.include(said[0], message)
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
