/**
 * What the compiler must reject, and what it must say; and how the types of steps, tasks, states and flows read when an
 * editor shows them. Every snippet is a file of its own, all are compiled by one run of `tsc`.
 */
import { execFile } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { prelude, rejected, shown } from "./types/snippets.ts"

const root = join(import.meta.dirname, "..")
const directory = join(root, "node_modules", ".cache", `effect-flow-types-${process.pid}`)
const messages = new Map<string, string>()

const compile = (): Promise<string> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", directory, "--pretty", "false"],
      { maxBuffer: 1 << 26 },
      (_, output) => resolve(output)
    )
  })

const file = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`

beforeAll(async () => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { noUnusedLocals: false, noErrorTruncation: true },
      include: ["*.ts"]
    })
  )
  writeFileSync(join(directory, "prelude.ts"), prelude)
  const imports = `import { Effect, Layer, Schema } from "effect"\nimport { Artifact, Flow, Ref, Step, Storage } from "effect-flow"\nimport { baseline, compare, data, declared, flow, join, score, scores, service, start, train, TrainingDiverged, Weights } from "./prelude.ts"\n`
  for (const { name, code } of rejected) writeFileSync(join(directory, file(name)), `${imports}${code}\n`)
  for (const { name, code } of shown)
    writeFileSync(join(directory, file(name)), `${imports}const shown: never = ${code}\n`)
  const output = await compile()
  let current = ""
  for (const line of output.split("\n")) {
    const start = /([^/\s]+\.ts)\(\d+,\d+\): (.*)$/.exec(line)
    if (start !== null) current = start[1] as string
    messages.set(current, `${messages.get(current) ?? ""}${start === null ? line : start[2]}\n`)
  }
}, 120_000)

afterAll(() => rmSync(directory, { recursive: true, force: true }))

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
