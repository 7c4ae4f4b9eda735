/**
 * The README is true: its flow runs and its first command prints what is shown. (That its code compiles, and what the
 * compiler says of it, is in types.test.ts, which compiles everything at once.)
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "vitest"
import { blocks } from "./support/readme.ts"
import { optionsForTsx } from "./support/resolutions.ts"

const root = join(import.meta.dirname, "..")
const [words = ""] = blocks("ts")

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
      { cwd: root, env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: optionsForTsx } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  })

describe("the README's code", () => {
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
  })
})
