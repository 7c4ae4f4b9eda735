/** The README is true: its code compiles, its flow runs as shown, and the compiler says what it says there. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { compile } from "./support/compile.ts"

const root = join(import.meta.dirname, "..")
const readme = readFileSync(join(root, "README.md"), "utf8")

/** The fenced blocks of a language, in their order. */
const blocks = (language: string): ReadonlyArray<string> =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map((match) => match[1] as string)

const [words = "", ...others] = blocks("ts")
const [, said = ""] = blocks("text")

// Below the project, so that a file there finds the package as an example does; the folder is ignored by git.
mkdirSync(join(root, ".effect-flow"), { recursive: true })
const directory = mkdtempSync(join(root, ".effect-flow", "readme-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const tsx = (...words: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
    const program = [join(root, "node_modules/tsx/dist/cli.mjs"), ...words]
    execFile(
      process.execPath,
      program,
      { cwd: root, env: { ...process.env, NO_COLOR: "1" } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  })

describe("the README's code", () => {
  let messages: ReadonlyMap<string, string>
  const forgot = words.replace(", longest: longest(data) })", " })")
  const file = (index: number) => `block-${index}.ts`

  beforeAll(async () => {
    messages = await compile("effect-flow-readme", {
      "words.ts": words.replaceAll(/^const /gm, "export const "),
      "forgot.ts": forgot,
      ...Object.fromEntries(others.map((code, index) => [file(index), code]))
    })
  }, 120_000)

  it("compiles", () => {
    assert.isAbove(others.length, 2)
    assert.strictEqual(messages.get("words.ts"), undefined)
    for (let i = 0; i < others.length; i++) assert.strictEqual(messages.get(file(i)), undefined)
  })

  it("is refused without a branch, as shown", () => {
    assert.notStrictEqual(forgot, words)
    const shown = said.trim().replace(/^.*?: (?=error)/, "")
    assert.strictEqual((messages.get("forgot.ts") ?? "").trim(), shown)
  })

  it("runs", async () => {
    const path = join(directory, "words.ts")
    writeFileSync(path, words)
    const { code, stderr } = await tsx(path, "--directory", join(directory, "store"))
    assert.strictEqual(code, 0)
    assert.match(stderr, /^WordsFlow · run [0-9a-z]{26}$/m)
    assert.match(stderr, /^succeeded in .* · 4 tasks$/m)
  })
})

/** A line as it is in every run: times, ids and figures that vary left out. */
const shape = (line: string) =>
  line
    .replace(/[0-9a-z]{26}/, "ID")
    .replace(/\d\d:\d\d:\d\d\.\d{3}/, "TIME")
    .replaceAll(/\d+(\.\d+)?/g, "N")
    .replace(/N (ms|s)\b/, "N s")
    .replace(/artifacts in .*? ·/, "artifacts in STORE ·")

describe("the README's first command", () => {
  it("prints what is shown", async () => {
    const [output = ""] = blocks("text")
    const { code, stderr } = await tsx("examples/branch.ts", "--directory", join(directory, "branch"))
    assert.strictEqual(code, 0)
    const lines = (text: string) => new Set(text.trim().split("\n").map(shape))
    const shown = [...lines(output)].filter((line) => line !== "…")
    const printed = lines(stderr)
    for (const line of shown) assert.isTrue(printed.has(line), `"${line}" is not printed; what is:\n${stderr}`)
  }, 60_000)
})
